package registry

import "testing"

// TestBankCache: a bank that was read before a change is not remembered after it.
func TestBankCache(t *testing.T) {
	var c bankCache
	old := []*ignoredRecord{{Ignored: Ignored{ID: "old"}}}
	_, mark, ok := c.load("ann")
	if ok {
		t.Fatal("an empty cache knows a bank")
	}
	c.forget("ann") // a change commits while the old rows are being read
	c.store("ann", old, mark)
	if _, _, ok := c.load("ann"); ok {
		t.Error("the bank of before the change is remembered")
	}
	_, mark, _ = c.load("ann")
	c.store("ann", old, mark)
	if got, _, ok := c.load("ann"); !ok || len(got) != 1 {
		t.Errorf("not remembered: %v, %t", got, ok)
	}
	c.store("bob", nil, mark)
	if got, _, ok := c.load("bob"); !ok || got != nil {
		t.Errorf("an empty bank is remembered too: %v, %t", got, ok)
	}
	for i := range maxBanks + 5 {
		c.store(OwnerID("o"+string(rune('a'+i%26))+string(rune('a'+i/26))), nil, mark)
	}
	if len(c.banks) > maxBanks {
		t.Errorf("%d banks are remembered", len(c.banks))
	}
}
