package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"selvage/api"
	"selvage/provenance/sequencer"
)

type keysCmd struct {
	Add    keysAddCmd    `cmd:"" help:"Make a key and print its secret once."`
	List   keysListCmd   `cmd:"" help:"List the keys, without secrets."`
	Revoke keysRevokeCmd `cmd:"" help:"Revoke a key; it stops at once."`
	Log    keysLogCmd    `cmd:"" help:"Show the verifier keys of the transparency log; prepare and make its rotation."`
}

type keysAddCmd struct {
	directory
	Name  string `placeholder:"TEXT" help:"What the key is for."`
	Role  string `placeholder:"ROLE" default:"designer" help:"admin, designer, detector or officer; default designer."`
	Owner string `arg:"" help:"Whose works the key acts for."`
}

// withKeys opens the key ring of a registry that no server is running on. Where create is
// false, the registry must be there already.
func (d directory) withKeys(e *env, create bool, f func(*api.Keyring) error) error {
	s, err := d.settings(e)
	if err != nil {
		return err
	}
	if !create && !s.exists() {
		return s.missing()
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return err
	}
	kv, err := openRecords(s, e.log)
	if err != nil {
		return err
	}
	return errors.Join(f(api.NewKeyring(kv, time.Now)), kv.Close())
}

func (c *keysAddCmd) Run(e *env) error {
	if err := oneOf("--role", c.Role, "admin", "designer", "detector", "officer"); err != nil {
		return err
	}
	o, err := ownerNamed("owner", c.Owner)
	if err != nil {
		return err
	}
	return c.withKeys(e, true, func(k *api.Keyring) error {
		key, secret, err := k.Create(e.ctx, c.Name, api.Role(c.Role), o)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s  %s key of %s (shown this once; keep it): %s\n", key.ID, key.Role, key.Owner, secret)
		return nil
	})
}

type keysListCmd struct{ directory }

func (c *keysListCmd) Run(e *env) error {
	return c.withKeys(e, false, func(k *api.Keyring) error {
		all, err := k.List(e.ctx)
		if err != nil {
			return err
		}
		for _, key := range all {
			state := ""
			if key.Revoked != nil {
				state = "  revoked " + key.Revoked.UTC().Format(time.DateTime)
			}
			fmt.Fprintf(e.stdout, "%s  %-8s  %-20s  %s  %s%s\n", key.ID, key.Role, key.Owner, key.Created.UTC().Format(time.DateTime), orDash(key.Name), state)
		}
		return nil
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type keysRevokeCmd struct {
	directory
	ID string `arg:"" help:"The key, as list shows it."`
}

func (c *keysRevokeCmd) Run(e *env) error {
	return c.withKeys(e, false, func(k *api.Keyring) error {
		if err := k.Revoke(e.ctx, c.ID); err != nil {
			return fmt.Errorf("%s: %w (selvage keys list shows them)", c.ID, err)
		}
		fmt.Fprintf(e.stdout, "%s revoked\n", c.ID)
		return nil
	})
}

type keysLogCmd struct {
	directory
	Next   bool `xor:"what" help:"Make the next key, if there is none, and print it: witnesses and followers must trust it first."`
	Rotate bool `xor:"what" help:"Replace the log's key by the next one; no server may be running."`
}

func (c *keysLogCmd) Run(e *env) error {
	s, err := c.settings(e)
	if err != nil {
		return err
	}
	if !s.exists() {
		return s.missing()
	}
	dir := filepath.Join(s.Data, "log")
	if c.Next {
		next, err := sequencer.NextLogKey(dir, s.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s\n", next)
		return nil
	}
	keys, err := sequencer.OpenKeys(filepath.Join(dir, "keys"), s.Name)
	if c.Rotate {
		keys, err = sequencer.RotateLogKey(dir, s.Name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s\n", keys.LogKey)
	for _, k := range keys.Former {
		fmt.Fprintf(e.stdout, "%s  former\n", k)
	}
	return nil
}
