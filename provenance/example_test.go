package provenance_test

import (
	"fmt"
	"os"

	"selvage/provenance"
)

// A bundle is checked offline, by its bytes alone.
func ExampleVerify() {
	f, err := os.Open("testdata/bundle-v1.zip")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		fmt.Println(err)
		return
	}
	report := provenance.Verify(f, info.Size(), provenance.VerifyOptions{})
	fmt.Println(report.Outcome)
	fmt.Println(report.Headline)
	fmt.Println(report.Work)
	// Output:
	// proved
	// proved under the keys in this bundle; time authority: Selvage local time authority (not independent) (local)
	// w-1
}

// The salt is the key: without it the log entry tells nothing.
func ExampleCommit() {
	var salt [provenance.SaltSize]byte
	fmt.Printf("%x\n", provenance.Commit(salt, []byte("envelope")))
	// Output: 6802a3e8fbd8b6d08ed0d0c6f6530b491a68e7d47810b7e6cdd4820fa6d79329
}
