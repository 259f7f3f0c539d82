package storetest

import (
	"strings"
	"testing"
	"time"

	"selvage/store"
)

// RunLocker tests an Objects that keeps objects locked. The locked object stays behind.
func RunLocker(t *testing.T, o interface {
	store.Objects
	store.Locker
}) {
	until := time.Now().Add(time.Hour)
	must(t, o.PutLocked(t.Context(), "locked/evidence", strings.NewReader("evidence"), 8, until))
	wantErr(t, o.Delete(t.Context(), "locked/evidence"), store.ErrLocked)
	if got := read(t, o, "locked/evidence"); got != "evidence" {
		t.Errorf("have %q", got)
	}
	wantErr(t, o.PutLocked(t.Context(), "../x", strings.NewReader(""), 0, until), store.ErrBadKey)
	if o.PutLocked(t.Context(), "locked/short", strings.NewReader("abc"), 8, until) == nil {
		t.Error("a short reader was stored")
	}
	_, err := o.Stat(t.Context(), "locked/short")
	wantErr(t, err, store.ErrNotFound)
	put(t, o, "locked/free", "x")
	must(t, o.Delete(t.Context(), "locked/free"))
}
