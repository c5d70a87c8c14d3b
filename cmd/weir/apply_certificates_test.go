package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newCertificate is a certificate of nobody in particular, in PEM.
func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Partner"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Partner"}}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestApplyCertificates(t *testing.T) {
	u := newTown(t)
	u.tenant()
	certificate := newCertificate(t)
	block := strings.ReplaceAll(strings.TrimSuffix(certificate, "\n"), "\n", "\n      ")
	text := "version: 1\nowner: me\nprojects:\n  - name: A\n  - name: B\ncertificates:\n  - name: Partner\n    pem: |\n      " + block +
		"\n    active: true\n    active_in:\n      - A\n      - B\n"
	file := fileWith(t, filepath.Join(t.TempDir(), "org.yaml"), text)
	u.must("apply", "-f", file, "--yes")
	if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
		t.Fatal(out)
	}
	exported := u.must("export")
	u.tenant()
	again := fileWith(t, filepath.Join(t.TempDir(), "again.yaml"), exported)
	u.must("apply", "-f", again, "--yes")
	if out := u.must("export"); out != exported || !strings.Contains(out, "    active: true\n    active_in:\n      - A\n      - B\n") {
		t.Errorf("%s\nwant %s", out, exported)
	}

	u.tenant()
	fileWith(t, file, text)
	u.must("apply", "-f", file, "--yes")
	fileWith(t, file, strings.ReplaceAll(text, "      - B\n", ""))
	if out := u.must("apply", "-f", file, "--yes"); !strings.HasSuffix(out, "done: delete active certificate \"Partner\" in project \"B\"\n") {
		t.Error(out)
	}
	u.says(1, "cannot be changed", "apply", "-f", fileWith(t, file, strings.Replace(text, block, strings.ReplaceAll(strings.TrimSuffix(newCertificate(t), "\n"), "\n", "\n      "), 1)), "--yes")
	u.says(2, "has no pem", "apply", "-f", fileWith(t, file, "version: 1\ncertificates: [{name: a}]\n"), "--yes")
	u.says(1, `there is no project "nowhere"`, "apply", "-f", fileWith(t, file, "version: 1\ncertificates: [{name: a, pem: x, active_in: [nowhere]}]\n"), "--yes")
	fileWith(t, file, "version: 1\nowner: me\nprojects: [{name: A}, {name: B}]\n")
	if out := u.must("apply", "-f", file, "--yes"); strings.Count(out, "done: delete ") != 3 {
		t.Error(out)
	}
}
