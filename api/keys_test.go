package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

func TestKeyring(t *testing.T) {
	kv := mem.NewKV()
	now := epoch
	ring := NewKeyring(kv, func() time.Time { now = now.Add(time.Second); return now })
	ctx := t.Context()

	first, created, err := ring.EnsureAdmin(ctx)
	if err != nil || !created || !strings.HasPrefix(first, "selv_") || len(first) != 5+52 {
		t.Fatalf("EnsureAdmin: %q, %t, %v", first, created, err)
	}
	if s, created, err := ring.EnsureAdmin(ctx); s != "" || created || err != nil {
		t.Errorf("second EnsureAdmin: %q, %t, %v", s, created, err)
	}
	admin, err := ring.Lookup(ctx, first)
	if err != nil || admin.Role != Admin || admin.Owner != "admin" {
		t.Fatalf("Lookup: %+v, %v", admin, err)
	}
	if err := ring.Revoke(ctx, admin.ID); !errors.Is(err, ErrLastAdmin) {
		t.Errorf("revoking the last admin key: %v", err)
	}

	k, secret, err := ring.Create(ctx, "till", Detector, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Lookup(ctx, secret); err != nil || got != k {
		t.Errorf("Lookup: %+v, %v; want %+v", got, err, k)
	}
	for _, bad := range []string{"", "selv_", secret[:len(secret)-1], secret + "a", strings.ToUpper(secret), strings.TrimPrefix(secret, "selv_"), k.ID, hashSecret(secret)} {
		if _, err := ring.Lookup(ctx, bad); !errors.Is(err, ErrNoKey) {
			t.Errorf("Lookup(%q): %v", bad, err)
		}
	}
	for range 2 { // twice is no error
		if err := ring.Revoke(ctx, k.ID); err != nil {
			t.Errorf("Revoke: %v", err)
		}
	}
	if _, err := ring.Lookup(ctx, secret); !errors.Is(err, ErrNoKey) {
		t.Errorf("a revoked key works: %v", err)
	}
	for _, id := range []string{"", "k_none", "../h/x", strings.Repeat("k", 5000)} {
		if err := ring.Revoke(ctx, id); !errors.Is(err, ErrNoKey) {
			t.Errorf("Revoke(%.20q): %v", id, err)
		}
	}
	keys, err := ring.List(ctx)
	if err != nil || len(keys) != 2 || keys[0].ID != admin.ID || keys[1].Revoked == nil {
		t.Errorf("List: %+v, %v", keys, err)
	}

	// With two admin keys either may go, but not both.
	second, _, err := ring.Create(ctx, "", Admin, "office")
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Revoke(ctx, admin.ID); err != nil {
		t.Errorf("revoking one of two: %v", err)
	}
	if err := ring.Revoke(ctx, second.ID); !errors.Is(err, ErrLastAdmin) {
		t.Errorf("revoking both: %v", err)
	}

	// No secret is in the store.
	err = kv.View(ctx, func(tx store.Txn) error {
		return tx.Scan([]byte("k/"), nil, func(key, value []byte) bool {
			if s := string(key) + string(value); strings.Contains(s, secret) || strings.Contains(s, first) || strings.Contains(s, strings.TrimPrefix(first, "selv_")) {
				t.Errorf("the store holds a secret: %s", s)
			}
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeyringRefuses(t *testing.T) {
	ring := NewKeyring(mem.NewKV(), nil)
	for _, c := range []struct {
		name  string
		role  Role
		owner registry.OwnerID
		field string
	}{
		{"", "root", "anna", "role"},
		{"", "", "anna", "role"},
		{"", Designer, "", "owner"},
		{"", Designer, "Anna", "owner"},
		{"", Designer, "a/b", "owner"},
		{strings.Repeat("ü", 101), Designer, "anna", "name"},
		{"\xff", Designer, "anna", "name"},
		{"a\nb", Designer, "anna", "name"},
	} {
		_, _, err := ring.Create(t.Context(), c.name, c.role, c.owner)
		if e, ok := errors.AsType[*registry.InvalidError](err); !ok || e.Field != c.field {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestRevokedKeyStopsAtOnce over HTTP, from the answer that made it to the one that
// refuses it.
func TestRevokedKeyStopsAtOnce(t *testing.T) {
	e := newEnv(t, nil)
	made := e.do(call{method: "POST", path: "/v1/keys", key: "admin", header: raw("application/json"), body: []byte(`{"role":"designer","owner":"dora"}`)})
	e.keys["dora"] = made.str("secret")
	if r := e.do(call{method: "GET", path: "/v1/works", key: "dora"}); r.status != 200 {
		t.Errorf("new key: %d %s", r.status, r.body)
	}
	if r := e.do(call{method: "DELETE", path: made.header.Get("Location"), key: "admin"}); r.status != 204 {
		t.Errorf("revoke: %d %s", r.status, r.body)
	}
	if r := e.do(call{method: "GET", path: "/v1/works", key: "dora"}); r.status != 401 {
		t.Errorf("revoked key: %d %s", r.status, r.body)
	}
}
