package provenance

import (
	"bytes"
	"maps"
	"strings"
)

// Repack takes a bundle apart, lets edit change its files and packs it again with fresh
// manifests: what an attacker without our keys can do.
func Repack(zip []byte, edit func(files map[string][]byte)) ([]byte, error) {
	b, err := readBag(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name := range b {
		if !strings.Contains(name, "manifest-") {
			if files[name], err = b.small(name); err != nil {
				return nil, err
			}
		}
	}
	edit(files)
	out := bag{}
	for name, data := range maps.All(files) {
		out.add(name, data)
		if err := out[name].hash(); err != nil {
			return nil, err
		}
	}
	if info := files["bag-info.txt"]; info != nil {
		i := bytes.Index(info, []byte("Payload-Oxum: "))
		if i >= 0 {
			out.add("bag-info.txt", []byte(string(info[:i])+"Payload-Oxum: "+out.oxum()+"\n"))
			if err := out["bag-info.txt"].hash(); err != nil {
				return nil, err
			}
		}
	}
	var w bytes.Buffer
	err = out.write(&w)
	return w.Bytes(), err
}
