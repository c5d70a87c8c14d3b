package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// KeyPair is the certificate that the listener shows, read from files. New files
// take the place of old ones for handshakes to come.
type KeyPair struct {
	certFile, keyFile string

	current atomic.Pointer[tls.Certificate]
	mu      sync.Mutex // of what follows
	seen    [2]stamp   // of the files when they were last read
}

// stamp tells whether a file is another one than before.
type stamp struct {
	changed time.Time
	size    int64
}

// LoadKeyPair reads a PEM certificate chain and its private key.
func LoadKeyPair(certFile, keyFile string) (*KeyPair, error) {
	k := &KeyPair{certFile: certFile, keyFile: keyFile}
	if _, err := k.reload(true); err != nil {
		return nil, err
	}
	return k, nil
}

// Reload reads the files again. When they cannot be used, the error says why and
// the old ones stay.
func (k *KeyPair) Reload() error {
	_, err := k.reload(true)
	return err
}

// Refresh is Reload for files that have changed since they were last read, whether
// they could be used or not. replaced says that the listener shows them now.
func (k *KeyPair) Refresh() (replaced bool, err error) { return k.reload(false) }

// Expires is when the certificate shown does.
func (k *KeyPair) Expires() time.Time { return k.current.Load().Leaf.NotAfter }

func (k *KeyPair) reload(anyway bool) (replaced bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := [2]stamp{stampOf(k.certFile), stampOf(k.keyFile)}
	if !anyway && seen == k.seen {
		return false, nil
	}
	k.seen = seen
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return false, fmt.Errorf("reading the TLS certificate: %w", err)
	}
	k.current.Store(&pair)
	return true, nil
}

// stampOf follows symbolic links, as files that are mounted are replaced by them.
// A file that is not there has the zero stamp.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{changed: info.ModTime(), size: info.Size()}
}

// config is what every handshake takes. ask says whether callers have to be asked
// for a certificate, which is not verified here: what is good for one organization
// is not for another, and only the request says whose it is.
func (k *KeyPair) config(ask func() bool) *tls.Config {
	show := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.current.Load(), nil }
	plain := &tls.Config{GetCertificate: show, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	// A session that is resumed shows no certificate that was not shown at its
	// beginning, when nobody may have asked.
	asking.SessionTicketsDisabled = true
	plain.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if ask == nil || !ask() {
			return nil, nil //nolint:nilnil // as crypto/tls wants it: the config it has
		}
		if c, ok := hello.Conn.(*connection); ok {
			c.asked.Store(true)
		}
		return asking, nil
	}
	return plain
}
