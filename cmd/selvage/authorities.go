package main

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"selvage/provenance/sequencer"
	"selvage/provenance/timestamp"
)

// AuthoritySettings names a time authority. Either Local alone, or Name, URL and Roots.
type AuthoritySettings struct {
	// Local is the built-in authority, as a last resort behind others.
	Local bool `toml:"local"`
	// Name is what receipts and policies call the authority; it should not change.
	Name string `toml:"name"`
	// URL answers RFC 3161 queries over http or https.
	URL string `toml:"url"`
	// Roots is a file with its root certificates in PEM, got from its operator.
	Roots string `toml:"roots"`
	// Independent says that somebody else runs it. Only what is so may be called an
	// independent time in the policy published beside the log.
	Independent bool `toml:"independent"`
	// Policy is the policy to ask for, like "1.2.3.4.1"; empty leaves it to the authority.
	Policy string `toml:"policy"`
	// User and PasswordFile, a file with one line, are for authorities that want a login.
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	// Timeout is for one answer, for example "5s"; 0 means 10 seconds.
	Timeout duration `toml:"timeout"`
}

func (a AuthoritySettings) check() error {
	if a.Local {
		if a != (AuthoritySettings{Local: true}) {
			return errors.New("authorities: an entry with local = true has no other field")
		}
		return nil
	}
	switch {
	case a.Name == "" || a.URL == "" || a.Roots == "":
		return fmt.Errorf("authorities: %q needs name, url and roots, or local = true alone", a.Name)
	case (a.User == "") != (a.PasswordFile == ""):
		return fmt.Errorf("authorities: %s: user and password_file belong together", a.Name)
	case a.Timeout < 0:
		return fmt.Errorf("authorities: %s: timeout: use a duration above 0, for example \"5s\"", a.Name)
	}
	_, err := a.policy()
	return err
}

func (a AuthoritySettings) policy() (asn1.ObjectIdentifier, error) {
	if a.Policy == "" {
		return nil, nil
	}
	var oid asn1.ObjectIdentifier
	_, err := x509.ParseOID(a.Policy)
	for _, part := range strings.Split(a.Policy, ".") {
		n, e := strconv.Atoi(part)
		err = errors.Join(err, e)
		oid = append(oid, n)
	}
	if err != nil {
		return nil, fmt.Errorf("authorities: %s: policy = %q: use an object identifier like \"1.2.3.4.1\"", a.Name, a.Policy)
	}
	return oid, nil
}

func (a AuthoritySettings) remote() (*timestamp.Remote, error) {
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	roots, err := os.ReadFile(a.Roots)
	if err != nil {
		return nil, fmt.Errorf("authorities: %s: roots: %w", a.Name, err)
	}
	var password []byte
	if a.PasswordFile != "" {
		if password, err = os.ReadFile(a.PasswordFile); err != nil {
			return nil, fmt.Errorf("authorities: %s: password_file: %w", a.Name, err)
		}
	}
	return timestamp.NewRemote(timestamp.RemoteConfig{
		Name: a.Name, URL: a.URL, Roots: string(roots), Independent: a.Independent, Policy: policy,
		User: a.User, Password: strings.TrimRight(string(password), "\r\n"), Timeout: a.Timeout.std(),
	})
}

// checkAuthorities is the part of Settings.check about time authorities.
func (s Settings) checkAuthorities() error {
	for _, a := range s.Authorities {
		if err := a.check(); err != nil {
			return err
		}
	}
	if s.AuthoritiesWanted < 0 || s.AuthoritiesWanted > max(1, len(s.Authorities)) {
		return fmt.Errorf("authorities_wanted = %d: there are %d; use 0 (two, or one where there is one) or at most as many as there are",
			s.AuthoritiesWanted, max(1, len(s.Authorities)))
	}
	return nil
}

// stamper returns the time authorities, or nil for the local one alone. It asks none of them.
func (s Settings) stamper() (sequencer.Stamper, error) {
	if len(s.Authorities) == 0 {
		return nil, nil
	}
	var sources []timestamp.Source
	for _, a := range s.Authorities {
		var src timestamp.Source
		var err error
		if a.Local {
			src, err = timestamp.OpenLocal(filepath.Join(s.Data, "log", "tsa"), nil)
		} else {
			src, err = a.remote()
		}
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	want := s.AuthoritiesWanted
	if want == 0 {
		want = min(2, len(sources))
	}
	return timestamp.NewSeveral(want, sources...)
}
