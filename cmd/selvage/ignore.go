package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"selvage/registry"
)

type ignoreCmd struct {
	Add    ignoreAddCmd    `cmd:"" help:"Ignore what many works share by right: a logo, a stock background, a text banner."`
	List   ignoreListCmd   `cmd:"" help:"List what is ignored, newest first."`
	Remove ignoreRemoveCmd `cmd:"" help:"Ignore it no more."`
}

type ignoreAddCmd struct {
	place
	Label string   `required:"" placeholder:"TEXT" help:"What it is."`
	Files []string `arg:"" name:"file" help:"Pictures of it."`
}

func (c *ignoreAddCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	return e.eachFile("ignore", c.Files, c.JSON, b, func(in input) error {
		entry, err := b.ignore(c.Label, in)
		if err != nil {
			return err
		}
		e.clearProgress()
		return printIgnored(e, c.JSON, entry)
	})
}

func printIgnored(e *env, asJSON bool, x registry.Ignored) error {
	if asJSON {
		return json.NewEncoder(e.stdout).Encode(x)
	}
	fmt.Fprintf(e.stdout, "%s  %s, %d × %d, since %s\n", x.ID, x.Label, x.Width, x.Height, x.Time.Local().Format(time.DateTime))
	return nil
}

type ignoreListCmd struct{ place }

func (c *ignoreListCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	all, err := b.ignored()
	for _, x := range all {
		err = errors.Join(err, printIgnored(e, c.JSON, x))
	}
	return err
}

type ignoreRemoveCmd struct {
	place
	ID string `arg:"" help:"The entry, as add and list show it."`
}

func (c *ignoreRemoveCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	err = b.unignore(c.ID)
	if errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("no %s in the ignore bank (selvage ignore list shows it)", c.ID)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		fmt.Fprintf(e.stdout, "{\"removed\":%q}\n", c.ID)
		return nil
	}
	fmt.Fprintf(e.stdout, "%s removed\n", c.ID)
	return nil
}

func (n *near) ignore(label string, in input) (registry.Ignored, error) {
	x, _, err := n.y.registry.Ignore(n.e.ctx, n.owner, label, registry.File{Name: in.name(), Data: in.data})
	if err != nil {
		return registry.Ignored{}, err
	}
	return *x, nil
}

func (n *near) ignored() ([]registry.Ignored, error) {
	return n.y.registry.IgnoredList(n.e.ctx, n.owner)
}

func (n *near) unignore(id string) error { return n.y.registry.Unignore(n.e.ctx, n.owner, id) }

func (r *remote) ignore(label string, in input) (x registry.Ignored, err error) {
	err = r.upload("/v1/ignored", map[string]string{"label": label}, in, &x)
	return x, err
}

func (r *remote) ignored() ([]registry.Ignored, error) {
	var p struct {
		Items []registry.Ignored `json:"items"`
	}
	err := r.ask(http.MethodGet, "/v1/ignored", nil, &p)
	return p.Items, err
}

func (r *remote) unignore(id string) error {
	return r.ask(http.MethodDelete, "/v1/ignored/"+url.PathEscape(id), nil, nil)
}
