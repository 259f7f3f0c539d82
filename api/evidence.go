package api

import (
	"bufio"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/provenance"
	"selvage/registry"
)

const mimeCOSE = "application/cose"

// ReadReceipt is GET /v1/works/{id}/receipt.
func (s *Server) ReadReceipt(c echo.Context, id oas.WorkID, _ oas.ReadReceiptParams) error {
	c.Response().Header().Add("Vary", "Accept")
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	read, contentType := s.Registry.Receipt, mimeJSON
	if accept, _, _ := strings.Cut(c.Request().Header.Get("Accept"), ";"); accept == mimeCOSE {
		read, contentType = s.Registry.COSEReceipt, mimeCOSE
	}
	receipt, err := read(c.Request().Context(), actorOf(c).owner, work)
	if errors.Is(err, registry.ErrPending) {
		c.Response().Header().Set("Retry-After", strconv.Itoa(retrySoon))
		return sendJSON(c, http.StatusAccepted, oas.Pending{Status: "pending"})
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, contentType, receipt)
}

// ReadCertificate is GET /v1/works/{id}/certificate.pdf.
func (s *Server) ReadCertificate(c echo.Context, id oas.WorkID, _ oas.ReadCertificateParams) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	// Originals are decoded for it, which is what hashing is bounded for.
	done, err := s.hashing.enter(c.Request().Context(), 1)
	if err != nil {
		return err
	}
	defer done()
	pdf, err := s.Registry.Certificate(c.Request().Context(), actorOf(c).owner, work)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": "certificate-" + string(work) + ".pdf"}))
	return c.Blob(http.StatusOK, "application/pdf", pdf)
}

// ReadEvidence is GET /v1/works/{id}/evidence.
func (s *Server) ReadEvidence(c echo.Context, id oas.WorkID, p oas.ReadEvidenceParams) error {
	match := ""
	if p.Match != nil {
		match = *p.Match
	}
	return s.sendEvidence(c, id, match, p.DigestsOnly, cutOf(p.Cut), nil)
}

// MakeEvidence is POST /v1/works/{id}/evidence: with the accused file.
func (s *Server) MakeEvidence(c echo.Context, id oas.WorkID, p oas.MakeEvidenceParams) error {
	if p.Match == "" {
		return &registry.InvalidError{Field: "match", Fix: "name the match that the file was accused in"}
	}
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	return s.sendEvidence(c, id, p.Match, p.DigestsOnly, cutOf(p.Cut), &u.files[0])
}

func (s *Server) sendEvidence(c echo.Context, id, match string, digestsOnly *bool, cut provenance.Cut, accused *registry.File) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	req := registry.EvidenceRequest{
		Owner: actorOf(c).owner, Work: work, Accused: accused,
		DigestsOnly: digestsOnly != nil && *digestsOnly, Cut: cut,
	}
	name := string(work)
	if match != "" {
		if req.Match, err = matchID(match); err != nil {
			return err
		}
		name += "-" + match
	}
	out := &lateWriter{c: c, name: name + ".zip"}
	// What goes wrong before the buffer is full is still answered as a problem.
	buf := bufio.NewWriterSize(out, 64<<10)
	if err := s.Registry.Evidence(c.Request().Context(), req, buf); err != nil {
		return err
	}
	return buf.Flush()
}

func cutOf[T ~string](p *T) provenance.Cut {
	if p == nil {
		return ""
	}
	return provenance.Cut(*p)
}

// lateWriter sends the headers of a zip file with its first bytes.
type lateWriter struct {
	c    echo.Context
	name string
}

func (w *lateWriter) Write(b []byte) (int, error) {
	r := w.c.Response()
	if !r.Committed {
		r.Header().Set("Content-Type", "application/zip")
		r.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": w.name}))
		r.WriteHeader(http.StatusOK)
	}
	return r.Write(b)
}
