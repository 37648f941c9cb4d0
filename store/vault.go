package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
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
	"syscall"
)

// Vault encrypts secrets before they reach the database (AES-256-GCM), so that
// a stolen database alone is worth nothing.
type Vault struct {
	master []byte
	aead   cipher.AEAD
}

// OpenVault takes its key from 64 hex digits, or, if key is "", from the file
// secret.key in dir, which is made with mode 0600 when it is not there.
func OpenVault(dir, key string) (*Vault, error) {
	if key == "" {
		var err error
		if key, err = keyFile(filepath.Join(dir, "secret.key")); err != nil {
			return nil, err
		}
	}
	master, err := hex.DecodeString(strings.TrimSpace(key))
	if err != nil || len(master) != 32 {
		return nil, errors.New("the secret key must be 64 hex digits (openssl rand -hex 32)")
	}
	v := &Vault{master: master}
	block, err := aes.NewCipher(v.Derive("seal"))
	if err != nil {
		return nil, err
	}
	v.aead, err = cipher.NewGCMWithRandomNonce(block)
	return v, err
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

// Seal encrypts a secret.
func (v *Vault) Seal(secret []byte) []byte { return v.aead.Seal(nil, nil, secret, nil) }

// Open decrypts what Seal made with the same key.
func (v *Vault) Open(sealed []byte) ([]byte, error) {
	secret, err := v.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, errors.New("the secret cannot be decrypted: the secret key is not the one that it was stored with")
	}
	return secret, nil
}

// Derive makes a 32-byte key for one purpose, from which neither the vault's
// key nor that of another purpose can be learnt.
func (v *Vault) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, v.master, nil, "jimeng-gateway "+purpose, 32)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return key
}
