package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"selvage/api"
)

type keysCmd struct {
	Add    keysAddCmd    `cmd:"" help:"Make a key and print its secret once."`
	List   keysListCmd   `cmd:"" help:"List the keys, without secrets."`
	Revoke keysRevokeCmd `cmd:"" help:"Revoke a key; it stops at once."`
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
