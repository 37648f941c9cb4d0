package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	heartbeat = 3 * time.Second
	// deadAfter without a heartbeat another node takes over what a node ran.
	deadAfter = 10 * time.Second
	// maxNodes is how many nodes may share one data folder.
	maxNodes = 64
)

// node is the stable identity of this process: a file in the data folder that
// names it, locked as long as the process lives, so that after a crash the node
// knows its own interrupted steps, and a second process in the same folder is
// another node.
type node struct {
	id   string
	file *os.File
}

func claimNode(dataDir string) (*node, error) {
	dir := filepath.Join(dataDir, "nodes")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	for i := range maxNodes {
		file, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(i)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the node's identity: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			if err := file.Close(); err != nil {
				return nil, err
			}
			continue
		}
		id, err := readID(file)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the node's identity: %w", err), file.Close())
		}
		return &node{id: id, file: file}, nil
	}
	return nil, fmt.Errorf("%d nodes already use the data folder %s", maxNodes, dataDir)
}

func readID(file *os.File) (string, error) {
	text := make([]byte, 64)
	n, _ := file.ReadAt(text, 0) // an empty file is a new node
	if id := strings.TrimSpace(string(text[:n])); id != "" {
		return id, nil
	}
	id := store.NewID("node_")
	_, err := file.WriteAt([]byte(id+"\n"), 0)
	return id, errors.Join(err, file.Sync())
}

func (n *node) release() error { return n.file.Close() }

// reclaim puts the steps back that a node was running when it died. River would
// do so itself only after an hour.
func (q *Queue) reclaim(ctx context.Context, node string) error {
	return q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
		if node != q.node.id {
			// It may have been heard of since it was found silent.
			if err := tx.ForgetSilentNode(node, deadAfter); err != nil {
				return err
			}
		}
		n, err := tx.PutBackAll(node)
		if err != nil {
			return err
		}
		if n > 0 {
			q.log.Info("interrupted steps are put back", zap.String("node", node), zap.Int64("steps", n))
		}
		tx.Wake()
		return nil
	})
}

// takeOver reclaims from nodes that have fallen silent. After a stall of the
// database all nodes look silent; one that was late itself must not judge the
// others before they had the time to be heard.
func (q *Queue) takeOver(ctx context.Context) error {
	if since := q.steady.Load(); since == 0 || time.Since(time.UnixMilli(since)) < deadAfter {
		return nil
	}
	nodes, err := q.store.SilentNodes(ctx, deadAfter)
	if err != nil {
		return err
	}
	var errs []error
	for _, node := range nodes {
		if node == q.node.id {
			continue
		}
		if err := q.reclaim(ctx, node); !errors.Is(err, store.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// NodeView is a node as the others see it.
type NodeView struct {
	ID          string
	Self, Alive bool
	SeenAt      int64 // Unix milliseconds of the database's clock
}

// Nodes lists the nodes that share the database, this one first.
func (q *Queue) Nodes(ctx context.Context) ([]NodeView, error) {
	beats, err := q.store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]NodeView, 0, len(beats))
	for _, b := range beats {
		n := NodeView{ID: b.ID, Self: b.ID == q.node.id, Alive: b.Clock-b.At < deadAfter.Milliseconds(), SeenAt: b.At}
		if n.Self {
			nodes = slices.Insert(nodes, 0, n)
		} else {
			nodes = append(nodes, n)
		}
	}
	return nodes, nil
}
