package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"selvage/provenance"
	"selvage/registry"
)

// designerKeyCmd keeps the designer's own keys: made here or brought, never sent anywhere.
type designerKeyCmd struct {
	Make     designerKeyMakeCmd     `cmd:"" help:"Make a key and write it to a file of yours. Nobody else ever gets it."`
	Register designerKeyRegisterCmd `cmd:"" help:"Bring the public half of a key into the log, so that works can be signed with it."`
	List     designerKeyListCmd     `cmd:"" help:"List the registered keys."`
	Revoke   designerKeyRevokeCmd   `cmd:"" help:"Refuse works signed with a key from now on."`
}

type designerKeyMakeCmd struct {
	File string `arg:"" help:"Where to write the key (PKCS #8, PEM), as openssl genpkey -algorithm ed25519 would. It must not be there yet."`
}

func (c *designerKeyMakeCmd) Run(e *env) error {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s  %s\nKeep the file: whoever has it can sign as you, and nobody can make it again.\nNext: selvage designer-key register %s\n",
		provenance.KeyID(pub), c.File, c.File)
	return nil
}

// readDesignerKey reads an Ed25519 key in PKCS #8, PEM.
func readDesignerKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, &exit{2, fmt.Sprintf("%s holds no private key in PEM; make one with: selvage designer-key make FILE", path)}
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, &exit{2, fmt.Sprintf("%s: %v", path, err)}
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, &exit{2, fmt.Sprintf("%s holds a %T; only Ed25519 keys sign works", path, k)}
	}
	return key, nil
}

// designerKeyList is what a registry says of an owner's keys.
type designerKeyList struct {
	Service string                 `json:"service"`
	Owner   string                 `json:"owner"`
	Items   []registry.DesignerKey `json:"items"`
}

type designerKeyRegisterCmd struct {
	place
	Replaces string `placeholder:"KEY" help:"The key before, if this one takes its place."`
	File     string `arg:"" help:"The key's file."`
}

func (c *designerKeyRegisterCmd) Run(e *env) error {
	key, err := readDesignerKey(c.File)
	if err != nil {
		return err
	}
	text, err := provenance.EncodePublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	return c.with(e, true, func(b backend) error {
		who, err := b.designerKeys()
		if err != nil {
			return err
		}
		env, err := provenance.SignKey(&provenance.KeyStatement{
			Type: provenance.KeyType, Service: who.Service, Owner: who.Owner, Key: text, Made: provenance.FormatTime(time.Now()), Replaces: c.Replaces,
		}, key)
		if err != nil {
			return err
		}
		k, err := b.addDesignerKey(env)
		if err != nil {
			return err
		}
		c.show(e, k)
		return nil
	})
}

// with opens the registry for one step.
func (p place) with(e *env, create bool, f func(backend) error) error {
	b, err := p.reach(e, create)
	if err != nil {
		return err
	}
	return errors.Join(f(b), b.close())
}

func (p place) show(e *env, k registry.DesignerKey) {
	if p.JSON {
		line, _ := json.Marshal(k) // plain data, cannot fail
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	state := "proof pending"
	switch {
	case k.Revoked != nil:
		state = "revoked " + k.Revoked.Local().Format(time.DateTime)
	case k.Proven != nil:
		state = "in the log, proved not later than " + k.Proven.Local().Format("2006-01-02 15:04:05 MST")
	}
	fmt.Fprintf(e.stdout, "%s  %s\n", k.ID, state)
}

type designerKeyListCmd struct{ place }

func (c *designerKeyListCmd) Run(e *env) error {
	return c.with(e, false, func(b backend) error {
		all, err := b.designerKeys()
		for _, k := range all.Items {
			c.show(e, k)
		}
		return err
	})
}

type designerKeyRevokeCmd struct {
	place
	ID string `arg:"" help:"The key, as list shows it."`
}

func (c *designerKeyRevokeCmd) Run(e *env) error {
	return c.with(e, false, func(b backend) error {
		if err := b.revokeDesignerKey(c.ID); err != nil {
			return fmt.Errorf("%s: %w (selvage designer-key list shows them)", c.ID, err)
		}
		fmt.Fprintf(e.stdout, "%s revoked; works signed before keep their proofs\n", c.ID)
		return nil
	})
}
