package verifiers_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium with verify.html open as a file, driven over the
// DevTools protocol on a pipe: requests go to the child's descriptor 3, answers come
// from 4, each a JSON object ended by a zero byte.
type browser struct {
	mu      sync.Mutex // one call at a time
	in      io.Writer
	out     *bufio.Reader
	id      int
	session string
}

// openBrowser returns nil if there is no Chromium, but fails where
// SELVAGE_REQUIRE_BROWSER is set.
func openBrowser(t testing.TB) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SELVAGE_REQUIRE_BROWSER") != "" {
			t.Fatal("chromium is needed to run verify.html")
		}
		return nil
	}
	dir := tempDir(t)
	page, err := filepath.Abs("verify.html")
	must(t, err)
	childIn, in, err := os.Pipe()
	must(t, err)
	out, childOut, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
		"--disable-background-networking", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir="+dir, "about:blank")
	cmd.ExtraFiles = []*os.File{childIn, childOut}
	must(t, cmd.Start())
	must(t, childIn.Close())
	must(t, childOut.Close())
	b := &browser{in: in, out: bufio.NewReaderSize(out, 1<<20)}
	endings = append(endings, func() {
		_ = b.call("Browser.close", nil, nil)
		_ = in.Close()
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		_ = out.Close()
	})
	var target struct{ TargetID string }
	must(t, b.call("Target.createTarget", map[string]any{"url": "file://" + page}, &target))
	var session struct{ SessionID string }
	must(t, b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session))
	b.session = session.SessionID
	for range 300 {
		var ready bool
		if err := b.eval("document.readyState === 'complete' && typeof selvageVerify === 'function'", &ready); err == nil && ready {
			return b
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("verify.html did not load")
	return nil
}

func (b *browser) call(method string, params, result any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.id++
	msg := map[string]any{"id": b.id, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	text, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		return err
	}
	for {
		answer, err := b.out.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("%s: the browser is gone: %w", method, err)
		}
		var a struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(answer[:len(answer)-1], &a); err != nil {
			return err
		}
		if a.ID != b.id {
			continue // an event
		}
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	}
}

// eval runs an expression in the page, waits for its promise and reads its value.
func (b *browser) eval(expression string, value any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		return fmt.Errorf("page: %s %s", r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, value)
}

// report is what verify.html says of a bundle.
type report struct {
	Outcome, Headline, NotAfter, NotBefore string
	Lines                                  []struct{ Check, Outcome, Reason string }
}

const bytesOf = "Uint8Array.from(atob(%q), c => c.charCodeAt(0))"

func inPage(data []byte) string {
	return fmt.Sprintf(bytesOf, base64.StdEncoding.EncodeToString(data))
}

// verify runs verify.html; policy and original may be nil.
func (b *browser) verify(zip, policy, original []byte) (r report, err error) {
	opts := "{"
	if policy != nil {
		opts += "policy: " + inPage(policy) + ","
	}
	if original != nil {
		opts += "original: " + inPage(original) + ","
	}
	err = b.eval("selvageVerify("+inPage(zip)+", "+opts+"})", &r)
	return r, err
}

// change is one byte of a file set to another value.
type change struct {
	At    int  `json:"at"`
	Value byte `json:"value"`
}

// verifyChanged runs verify.html on a bundle with each change in turn and returns the
// outcomes.
func (b *browser) verifyChanged(zip []byte, changes []change) (outcomes []string, err error) {
	text, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	err = b.eval(fmt.Sprintf(`(async () => {
		const zip = %s, outcomes = [];
		for (const c of %s) {
			const was = zip[c.at];
			zip[c.at] = c.value;
			outcomes.push((await selvageVerify(zip)).outcome);
			zip[c.at] = was;
		}
		return outcomes;
	})()`, inPage(zip), text), &outcomes)
	return outcomes, err
}
