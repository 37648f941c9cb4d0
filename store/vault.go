package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Vault encrypts secrets before they reach the database (AES-256-GCM), so that
// a stolen database alone is worth nothing. It may hold several keys: the first
// seals, and all of them open, until [Store.RotateSecrets] has sealed everything
// anew.
type Vault struct {
	file string // of the keys, "" if they are configured

	rotating sync.Mutex // see lock
	mu       sync.Mutex
	stamp    time.Time // of the file as it was read
	lookedAt time.Time
	keys     atomic.Pointer[[]*vaultKey]
}

// vaultKey is one key and what is made from it.
type vaultKey struct {
	text    string // hex
	master  []byte
	aead    cipher.AEAD
	derived sync.Map // purpose → []byte
}

// keysChange is how long another process that shares the key file may go on with
// the keys from before.
const keysChange = time.Second

// OpenVault takes its keys from 64 hex digits each: the key that seals, and an old
// one that secrets may still be sealed with, "" for none. If key is "", they come
// from the file secret.key in dir, which is made with mode 0600 when it is not
// there.
func OpenVault(dir, key, old string) (*Vault, error) {
	v := &Vault{}
	if key != "" {
		keys, err := parseKeys(key + " " + old)
		v.keys.Store(&keys)
		return v, err
	}
	v.file = filepath.Join(dir, "secret.key")
	if _, err := keyFile(v.file); err != nil {
		return nil, err
	}
	return v, v.read()
}

func parseKeys(text string) ([]*vaultKey, error) {
	var keys []*vaultKey
	for _, word := range strings.Fields(text) {
		master, err := hex.DecodeString(word)
		if err != nil || len(master) != 32 {
			return nil, errors.New("a secret key must be 64 hex digits (openssl rand -hex 32)")
		}
		k := &vaultKey{text: word, master: master}
		block, err := aes.NewCipher(k.derive("seal"))
		if err != nil {
			return nil, err
		}
		if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no secret key")
	}
	return keys, nil
}

func keyFile(path string) (key string, err error) {
	// A file that is there need not be writable. An empty one was left by a
	// process that was killed before it had a key, so nothing is sealed with it.
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the secret key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("create the data folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("create the secret key: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Of processes that start together, the first makes the key and the others
	// read it. The lock goes with the process, also after kill -9.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock the secret key: %w", err)
	}
	if text, err = io.ReadAll(file); err != nil {
		return "", fmt.Errorf("read the secret key: %w", err)
	}
	if len(text) > 0 {
		return string(text), nil
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return "", err
	}
	key = hex.EncodeToString(fresh)
	_, err = file.WriteString(key + "\n")
	if err := errors.Join(err, file.Sync()); err != nil {
		return "", errors.Join(fmt.Errorf("write the secret key: %w", err), file.Truncate(0))
	}
	return key, nil
}

// read takes the keys from the file.
func (v *Vault) read() error {
	info, err := os.Stat(v.file)
	if err != nil {
		return fmt.Errorf("read the secret key: %w", err)
	}
	text, err := os.ReadFile(v.file)
	if err != nil {
		return fmt.Errorf("read the secret key: %w", err)
	}
	keys, err := parseKeys(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", v.file, err)
	}
	v.stamp = info.ModTime()
	v.keys.Store(&keys)
	return nil
}

// current is the keys, the one that seals first. Another process may have changed
// the file; if it cannot be read, the keys from before are as good as any.
func (v *Vault) current() []*vaultKey {
	if v.file != "" {
		v.mu.Lock()
		if now := time.Now(); now.Sub(v.lookedAt) >= keysChange/2 {
			v.lookedAt = now
			if info, err := os.Stat(v.file); err == nil && !info.ModTime().Equal(v.stamp) {
				_ = v.read()
			}
		}
		v.mu.Unlock()
	}
	return *v.keys.Load()
}

// Seal encrypts a secret.
func (v *Vault) Seal(secret []byte) []byte { return v.current()[0].aead.Seal(nil, nil, secret, nil) }

// Open decrypts what Seal made with any of the vault's keys.
func (v *Vault) Open(sealed []byte) ([]byte, error) {
	for _, k := range v.current() {
		if secret, err := k.aead.Open(nil, nil, sealed, nil); err == nil {
			return secret, nil
		}
	}
	return nil, errors.New("the secret cannot be decrypted: the secret key is not the one that it was stored with")
}

// Derive makes a 32-byte key for one purpose, from which neither the vault's
// key nor that of another purpose can be learnt. It is another one after a
// rotation.
func (v *Vault) Derive(purpose string) []byte { return v.current()[0].derive(purpose) }

func (k *vaultKey) derive(purpose string) []byte {
	if key, ok := k.derived.Load(purpose); ok {
		return key.([]byte)
	}
	key, err := hkdf.Key(sha256.New, k.master, nil, "jimeng-gateway "+purpose, 32)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	k.derived.Store(purpose, key)
	return key
}

// Fingerprint recognises a secret without giving it away to who reads the
// database.
func (v *Vault) Fingerprint(secret []byte) string {
	mac := hmac.New(sha256.New, v.Derive("fingerprint"))
	mac.Write(secret)
	return hex.EncodeToString(mac.Sum(nil))
}

// lock keeps every other rotation out, of this process and of others with the same
// file: one that forgets keys must not meet one that still seals with them.
func (v *Vault) lock() (unlock func(), err error) {
	if !v.rotating.TryLock() {
		return nil, ErrConflict
	}
	if v.file == "" { // to seal twice with the same configured key does no harm
		return v.rotating.Unlock, nil
	}
	file, err := os.OpenFile(v.file+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			err = errors.Join(err, file.Close())
		}
	}
	if err != nil {
		v.rotating.Unlock()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrConflict
		}
		return nil, fmt.Errorf("lock the secret key: %w", err)
	}
	return func() {
		file.Close() // and with it the lock
		v.rotating.Unlock()
	}, nil
}

// renew puts a fresh key before those in the file, unless a rotation that did not
// come to its end has done so. It does nothing for configured keys: there the
// admin gives the new one. It says whether other processes must be given the time
// to see it.
func (v *Vault) renew() (wait bool, err error) {
	if v.file == "" {
		return false, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.read(); err != nil {
		return false, err
	}
	keys := *v.keys.Load()
	if len(keys) > 1 {
		return true, nil
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return false, err
	}
	return true, v.write(hex.EncodeToString(fresh), keys[0].text)
}

// forget takes all keys but the first out of the file.
func (v *Vault) forget() error {
	if v.file == "" {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.write((*v.keys.Load())[0].text)
}

// write replaces the file as a whole: a process that dies in between leaves the
// old one.
func (v *Vault) write(keys ...string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(v.file), "secret.key.*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the secret key: %w", err)
	}
	_, err = file.WriteString(strings.Join(keys, "\n") + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), v.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the secret key: %w", err), os.Remove(file.Name()))
	}
	if dir, err := os.Open(filepath.Dir(v.file)); err == nil {
		_ = dir.Sync() // some file systems cannot
		dir.Close()
	}
	return v.read()
}
