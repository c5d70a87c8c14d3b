package org

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"weir/internal/fault"
)

// IssuerKeys finds the public keys that an issuer signs its tokens with. It is
// bounded in time, and may keep keys for a while. keyID is that of the key that
// is wanted, "" when the token names none. Its faults are of kind Unavailable.
type IssuerKeys interface {
	Keys(ctx context.Context, p WorkloadIdentityProvider, keyID string) ([]jose.JSONWebKey, error)
}

// signatureAlgorithms that tokens may have: those with a public key.
func signatureAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

const (
	maxSubjectToken = 16 << 10 // in bytes
	clockSkew       = time.Minute
)

// claims of a token, by name.
type claims map[string]any

// verifyToken returns the claims of a token that p's issuer signed for its
// audience and that has not expired. What is wrong with another is for the log.
func (s *Service) verifyToken(ctx context.Context, p WorkloadIdentityProvider, token string) (claims, error) {
	parsed, err := jwt.ParseSigned(token, signatureAlgorithms())
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	// Its own words first: nobody makes weir ask an issuer for keys with a token
	// that the issuer has not made for it.
	var said jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&said); err != nil {
		return nil, fmt.Errorf("reading the claims: %w", err)
	}
	if err := s.checkClaims(p, said); err != nil {
		return nil, err
	}
	header := parsed.Headers[0] // ParseSigned takes one signature
	keys, err := s.keysOf(ctx, p, header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if !suits(key, header) {
			continue
		}
		var raw json.RawMessage
		if parsed.Claims(key.Key, &raw) == nil {
			return readClaims(raw)
		}
	}
	return nil, errors.New("no key of the issuer's has signed the token")
}

func (s *Service) checkClaims(p WorkloadIdentityProvider, said jwt.Claims) error {
	if said.Expiry == nil {
		return errors.New("the token does not expire")
	}
	return said.ValidateWithLeeway(jwt.Expected{Issuer: p.Issuer, AnyAudience: jwt.Audience{p.Audience}, Time: s.Now()}, clockSkew)
}

func (s *Service) keysOf(ctx context.Context, p WorkloadIdentityProvider, keyID string) ([]jose.JSONWebKey, error) {
	switch {
	case p.Verification.Type == VerifyByJWKS:
		return p.Verification.keys()
	case s.IssuerKeys == nil:
		return nil, errors.New("no issuer can be asked for its keys")
	}
	return s.IssuerKeys.Keys(ctx, p, keyID)
}

// suits reports whether a key may have signed what has this header.
func suits(key jose.JSONWebKey, header jose.Header) bool {
	return (key.Use == "" || key.Use == "sig") &&
		(key.Algorithm == "" || key.Algorithm == header.Algorithm) &&
		(key.KeyID == "" || header.KeyID == "" || key.KeyID == header.KeyID)
}

func readClaims(raw json.RawMessage) (claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var c claims
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("reading the claims: %w", err)
	}
	return c, nil
}

// attribute of a token: what a transformation of that name leads to, else the
// claim of that name.
func (p *WorkloadIdentityProvider) attribute(c claims, name string) any {
	for _, t := range p.Transformations {
		if t.Attribute != name {
			continue
		}
		path, _ := claimPath(t.Expression)
		var at any = map[string]any(c)
		for _, step := range path {
			object, _ := at.(map[string]any)
			at = object[step]
		}
		return at
	}
	return c[name]
}

// fits reports whether a token of p has every attribute that f asks for.
func (f *FederationRule) fits(p *WorkloadIdentityProvider, c claims) bool {
	for name, want := range f.Matchers {
		if !sameScalar(scalar(want), p.attribute(c, name)) {
			return false
		}
	}
	return len(f.Matchers) > 0
}

// sameScalar reports whether two values are of one type and equal. Numbers may be
// written differently; whole ones are compared to the last digit.
func sameScalar(want, got any) bool {
	switch want := want.(type) {
	case string, bool:
		return want == got
	case json.Number:
		got, ok := got.(json.Number)
		if !ok {
			return false
		}
		wantInt, err := want.Int64()
		gotInt, err2 := got.Int64()
		if err == nil && err2 == nil {
			return wantInt == gotInt
		}
		wantFloat, err := want.Float64()
		gotFloat, err2 := got.Float64()
		return want == got || err == nil && err2 == nil && wantFloat == gotFloat && (wantFloat < 1<<53 && wantFloat > -1<<53)
	}
	return false
}

// errNotAccepted is all that the bearer of a token learns: whose tokens are
// accepted for what is no business of a stranger's. The reason is for the log.
func errNotAccepted(reason error) error {
	return fault.New(fault.Unauthenticated, "invalid_subject_token", "subject_token",
		"The token is not accepted: it must be signed by the provider's issuer for its audience, not have expired, and fit an enabled federation rule for the service account.").With(reason)
}
