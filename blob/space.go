package blob

import (
	"errors"
	"fmt"
	"syscall"
)

// Space tells how many bytes of the disk are free for this process and how many
// the disk has.
func (d *Disk) Space() (free, total int64, err error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return 0, 0, fmt.Errorf("measure disk: %w", err)
	}
	var stat syscall.Statfs_t
	err = errors.Join(syscall.Fstatfs(int(dir.Fd()), &stat), dir.Close())
	if err != nil {
		return 0, 0, fmt.Errorf("measure disk: %w", err)
	}
	block := int64(stat.Bsize)
	return int64(stat.Bavail) * block, int64(stat.Blocks) * block, nil
}
