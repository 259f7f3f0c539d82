package extract

import "selvage/fingerprint/decode"

// readText takes plain text, Markdown too, as it is.
func (d *Document) readText(data []byte) error {
	s, encoding, ok := toUTF8(data, false)
	if !ok {
		return bad(Text, decode.Corrupt, "the text is in no encoding that is read here: save it as UTF-8")
	}
	if encoding != "utf-8" {
		d.note("text in %s", encoding)
	}
	d.Pages = make([]Page, 1)
	for len(s) > 0 { // in pieces, so that the limit on text cuts and does not refuse
		n := min(len(s), 64<<10)
		n = len(trimRune([]byte(s[:n])))
		if n == 0 || !d.addRun(&d.Pages[0], Run{Text: s[:n]}) {
			break
		}
		s = s[n:]
	}
	return nil
}
