package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"selvage/registry"
)

type certificateCmd struct {
	place
	Work string `arg:"" help:"An own work, as register printed it."`
	Out  string `short:"o" required:"" placeholder:"PDF" help:"Where to write the certificate."`
}

func (c *certificateCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	pdf, err := b.certificate(c.Work)
	if errors.Is(err, registry.ErrNotFound) {
		return errors.New("no work " + c.Work)
	}
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, pdf); err != nil {
		return fmt.Errorf("--out %s: %w", c.Out, cause(err))
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(struct {
			Work        string `json:"work"`
			Certificate string `json:"certificate"`
			Bytes       int    `json:"bytes"`
		}{c.Work, c.Out, len(pdf)})
	}
	fmt.Fprintf(e.stdout, "%s  %d KiB\n", c.Out, (len(pdf)+1023)/1024)
	return nil
}

func (n *near) certificate(work string) (pdf []byte, err error) {
	owner, err := n.ownerOf(work)
	if err != nil {
		return nil, err
	}
	err = retryPending(n.e, func() (err error) {
		pdf, err = n.y.registry.Certificate(n.e.ctx, owner, registry.WorkID(work))
		return err
	})
	return pdf, err
}

func (r *remote) certificate(work string) (pdf []byte, err error) {
	err = retryPending(r.e, func() (err error) {
		pdf, err = r.do(http.MethodGet, "/v1/works/"+url.PathEscape(work)+"/certificate.pdf", "", nil)
		return err
	})
	return pdf, err
}
