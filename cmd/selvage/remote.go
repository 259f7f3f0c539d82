package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"selvage/registry"
)

// remote is a registry behind a server, reached over its public API.
type remote struct {
	e     *env
	base  string
	key   string
	owner string
	http  http.Client
}

func newRemote(e *env, p place) (*remote, error) {
	u, err := url.Parse(p.Server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &exit{2, fmt.Sprintf("--server %q: write it as http://127.0.0.1:8080", p.Server)}
	}
	key := os.Getenv("SELVAGE_KEY")
	if key == "" {
		return nil, &exit{2, "set SELVAGE_KEY to an API key of the server (it prints an admin key at its first start; selvage keys add makes others)"}
	}
	return &remote{e: e, base: strings.TrimSuffix(p.Server, "/"), key: key, owner: p.Owner, http: http.Client{Timeout: 10 * time.Minute}}, nil
}

func (r *remote) close() error { return nil }

// problem is an RFC 9457 answer.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
}

func (p *problem) Error() string {
	text := p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	return fmt.Sprintf("%s (%d)", text, p.Status)
}

// Is makes "not yet" look the same near and far.
func (p *problem) Is(target error) bool {
	return target == registry.ErrPending && p.Status == http.StatusConflict && strings.Contains(strings.ToLower(p.Title+p.Detail), "pending")
}

// do sends a request and returns the body of a 2xx answer.
func (r *remote) do(method, path, contentType string, body []byte) ([]byte, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(r.e.ctx, method, r.base+path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+r.key)
		if r.owner != "" {
			req.Header.Set("Selvage-Owner", r.owner)
		}
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		resp, err := r.http.Do(req)
		if err != nil {
			var u *url.Error
			if errors.As(err, &u) {
				err = u.Err // without the method and the whole address
			}
			return nil, fmt.Errorf("no answer from %s: %w", r.base, err)
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<30))
		resp.Body.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("the answer of %s broke off: %w", r.base, err)
		case resp.StatusCode < 300:
			return b, nil
		case (resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests) && try < 5:
			// Loaded or limited: the server says so and forgets the request.
			select {
			case <-r.e.ctx.Done():
				return nil, r.e.ctx.Err()
			case <-time.After(time.Duration(1+try) * time.Second):
			}
			continue
		}
		p := &problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
		_ = json.Unmarshal(b, p) // a proxy's page is no problem document; the status line serves then
		return nil, p
	}
}

// form is a multipart body with fields and one file.
func form(fields map[string]string, in input) (contentType string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if v != "" {
			err = errors.Join(err, w.WriteField(k, v))
		}
	}
	part, e := w.CreateFormFile("file", in.name())
	if err = errors.Join(err, e); err == nil {
		_, err = part.Write(in.data)
	}
	// Close writes the end of the form, so it comes before Bytes.
	err = errors.Join(err, w.Close())
	return w.FormDataContentType(), b.Bytes(), err
}

func (r *remote) upload(path string, fields map[string]string, in input, out any) error {
	contentType, body, err := form(fields, in)
	if err != nil {
		return err
	}
	b, err := r.do(http.MethodPost, path, contentType, body)
	if err == nil {
		b, err = r.outcome(b)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("server: the answer is not what this version expects: %w", err)
	}
	return nil
}

// outcome waits for a job, if that is what the answer is, and returns what the request would
// have been answered without one.
func (r *remote) outcome(answer []byte) ([]byte, error) {
	var j registry.Job
	if err := json.Unmarshal(answer, &j); err != nil || j.Task == "" {
		return answer, nil
	}
	for !j.State.Ended() {
		r.e.progress(int(100*j.Progress), 100, "percent")
		select {
		case <-r.e.ctx.Done():
			return nil, r.e.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		b, err := r.do(http.MethodGet, "/v1/jobs/"+url.PathEscape(string(j.ID)), "", nil)
		if err != nil {
			return nil, err
		}
		j = registry.Job{}
		if err := json.Unmarshal(b, &j); err != nil {
			return nil, fmt.Errorf("server: the answer is not what this version expects: %w", err)
		}
	}
	r.e.clearProgress()
	switch {
	case j.State != registry.JobDone && j.Error != "":
		return nil, errors.New(j.Error)
	case j.State != registry.JobDone:
		return nil, fmt.Errorf("job %s: %s", j.ID, j.State)
	case j.Task == registry.JobMatch:
		return r.do(http.MethodGet, "/v1/matches/"+url.PathEscape(string(j.Match)), "", nil)
	}
	work, err := r.do(http.MethodGet, "/v1/works/"+url.PathEscape(string(j.Work)), "", nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"work": json.RawMessage(work), "duplicate": j.Duplicate, "related": j.Related})
}

func (r *remote) register(a registerArgs, in input) (registered, error) {
	fields := map[string]string{"kind": a.kind, "visibility": a.visibility, "owner": r.owner, "version_of": a.versionOf}
	if err := r.describe(fields, a, in); err != nil {
		return registered{}, err
	}
	var got struct {
		Work struct {
			ID     string     `json:"id"`
			Title  string     `json:"title"`
			Proven *time.Time `json:"proven"`
			Assets []struct {
				Digest       string `json:"digest"`
				Insufficient string `json:"insufficient"`
			} `json:"assets"`
		} `json:"work"`
		Duplicate bool             `json:"duplicate"`
		Related   []registry.Match `json:"related"`
	}
	if err := r.upload("/v1/works", fields, in, &got); err != nil {
		return registered{}, err
	}
	out := registered{Work: got.Work.ID, Title: got.Work.Title, Duplicate: got.Duplicate, Proven: got.Work.Proven, Related: got.Related}
	if len(got.Work.Assets) > 0 {
		out.Digest, out.Insufficient = got.Work.Assets[0].Digest, got.Work.Assets[0].Insufficient
	}
	return out, nil
}

// describe puts what is said of the work into the form, signed if there is a key.
func (r *remote) describe(fields map[string]string, a registerArgs, in input) error {
	if a.key == nil {
		fields["title"], fields["rights"] = a.title, strings.Join(a.rights, ",")
		if a.fixed != nil {
			fields["fixed"] = a.fixed.Date
		}
		if d := a.disclosed; d != nil {
			fields["first_disclosed"], fields["first_disclosed_place"] = d.Date, d.Place
			fields["first_disclosed_channel"], fields["first_disclosed_reach"] = d.Channel, d.Reach
		}
		if a.authors != nil {
			b, err := json.Marshal(a.authors)
			if err != nil {
				return err
			}
			fields["authors"] = string(b)
		}
		return nil
	}
	who, err := r.designerKeys()
	if err != nil {
		return err
	}
	previous := ""
	if a.versionOf != "" {
		var receipt []byte
		err := retryPending(r.e, func() (err error) {
			receipt, err = r.do(http.MethodGet, "/v1/works/"+url.PathEscape(a.versionOf)+"/receipt", "", nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", a.versionOf, err)
		}
		if previous, err = commitmentOf(receipt); err != nil {
			return err
		}
	}
	claim, err := a.claim(who.Owner, previous, in)
	fields["claim"] = string(claim)
	return err
}

func (r *remote) designerKeys() (out designerKeyList, err error) {
	b, err := r.do(http.MethodGet, "/v1/designer-keys", "", nil)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

func (r *remote) addDesignerKey(envelope []byte) (out registry.DesignerKey, err error) {
	b, err := r.do(http.MethodPost, "/v1/designer-keys", "application/json", envelope)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

func (r *remote) revokeDesignerKey(id string) error {
	_, err := r.do(http.MethodDelete, "/v1/designer-keys?"+url.Values{"id": {id}}.Encode(), "", nil)
	return err
}

func (r *remote) match(in input, alike bool) (answer, error) {
	path := "/v1/matches"
	if alike {
		path += "?alike=true"
	}
	var a answer
	err := r.upload(path, nil, in, &a)
	return a, err
}

func (r *remote) compare(work string, in input) (answer, error) {
	var a answer
	err := r.upload("/v1/works/"+url.PathEscape(work)+"/compare", nil, in, &a)
	return a, err
}

func (r *remote) evidence(work, match string, accused *input, cut string) ([]byte, error) {
	q := url.Values{}
	if match != "" {
		q.Set("match", match)
	}
	if cut != "" {
		q.Set("cut", cut)
	}
	method, contentType := http.MethodGet, ""
	var body []byte
	if accused != nil { // the server does not keep the files it is asked about
		var err error
		if contentType, body, err = form(nil, *accused); err != nil {
			return nil, err
		}
		method = http.MethodPost
	}
	var zip []byte
	err := retryPending(r.e, func() (err error) {
		zip, err = r.do(method, "/v1/works/"+url.PathEscape(work)+"/evidence?"+q.Encode(), contentType, body)
		return err
	})
	return zip, err
}
