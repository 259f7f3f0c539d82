package c2pa

import (
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// assertion lists and checks one assertion of the claim and reads those that are shown.
func (r *reader) assertion(ref hashedURI) {
	if len(r.out.Assertions) == maxList {
		r.note("the claim has more than %d assertions; the others are not read", maxList)
		return
	}
	label, ok := r.localLabel(ref.URL)
	if !ok {
		r.out.Assertions = append(r.out.Assertions, Assertion{clean(ref.URL), NotChecked})
		return
	}
	if r.seen[label] {
		r.note("the claim refers to %q twice; the second reference is not read", label)
		return
	}
	r.seen[label] = true
	a := Assertion{Label: clean(label), Check: NotChecked}
	box, err := r.assertions.child(label)
	if err == nil {
		a.Check = r.checkHash(ref, box.body)
	} else {
		r.note("assertion %v", err)
	}
	r.out.Assertions = append(r.out.Assertions, a)
	if err != nil {
		return
	}
	kind, _, _ := strings.Cut(label, "__") // "c2pa.ingredient__2" is the third of its kind
	switch {
	case strings.HasPrefix(kind, "c2pa.hash."):
		r.bind(kind, a.Check, box)
	case a.Check == Mismatch:
		// Not what was signed; that it is said to mismatch is all there is to say.
	case kind == "c2pa.actions" || kind == "c2pa.actions.v2":
		err = r.actions(box)
	case kind == "c2pa.ingredient" || kind == "c2pa.ingredient.v2" || kind == "c2pa.ingredient.v3":
		err = r.ingredient(box)
	}
	if err != nil {
		r.note("assertion %q cannot be read: %v", label, err)
	}
}

// localLabel is the label of an assertion of this manifest: "self#jumbf=" and an address
// relative to the manifest or to the store (specification, 8.3).
func (r *reader) localLabel(url string) (string, bool) {
	path, ok := strings.CutPrefix(url, "self#jumbf=")
	if !ok {
		return "", false
	}
	// Early writers left out the slash.
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/"), "c2pa/"+r.manifest.label+"/")
	label, ok := strings.CutPrefix(path, "c2pa.assertions/")
	return label, ok && label != "" && !strings.Contains(label, "/")
}

// manifestLabel is the label of the manifest that an address leads to.
func manifestLabel(url string) string {
	rest, ok := strings.CutPrefix(url, "self#jumbf=/c2pa/")
	if !ok {
		return ""
	}
	label, _, _ := strings.Cut(rest, "/")
	return label
}

func (r *reader) actions(box *superbox) error {
	text, err := box.cbor()
	if err != nil {
		return err
	}
	var v struct {
		Actions []struct {
			Action      string          `cbor:"action"`
			When        cbor.RawMessage `cbor:"when"`
			Agent       cbor.RawMessage `cbor:"softwareAgent"`
			Source      string          `cbor:"digitalSourceType"`
			Description string          `cbor:"description"`
		} `cbor:"actions"`
	}
	if err := decoder.Unmarshal(text, &v); err != nil {
		return err
	}
	for _, a := range v.Actions {
		if len(r.out.Actions) == maxList {
			r.note("there are more than %d actions; the others are not read", maxList)
			break
		}
		r.out.Actions = append(r.out.Actions, Action{
			Action: clean(a.Action), When: clean(textOf(a.When)), Agent: clean(textOf(a.Agent)), Source: clean(a.Source), Changes: clean(a.Description),
		})
	}
	return nil
}

// textOf reads what is a text, a tagged text (a date), or a map with a name.
func textOf(raw cbor.RawMessage) string {
	var text string
	var tag cbor.RawTag
	var named struct {
		Name string `cbor:"name"`
	}
	switch {
	case len(raw) == 0:
	case decoder.Unmarshal(raw, &text) == nil:
	case decoder.Unmarshal(raw, &tag) == nil:
		_ = decoder.Unmarshal(tag.Content, &text) // no text: nothing to show
	case decoder.Unmarshal(raw, &named) == nil:
		return named.Name
	}
	return text
}

func (r *reader) ingredient(box *superbox) error {
	text, err := box.cbor()
	if err != nil {
		return err
	}
	var v struct {
		Title        string    `cbor:"dc:title"`
		Format       string    `cbor:"dc:format"`
		Relationship string    `cbor:"relationship"`
		Instance     string    `cbor:"instanceID"`
		Old          hashedURI `cbor:"c2pa_manifest"`  // up to version 2
		Active       hashedURI `cbor:"activeManifest"` // version 3
	}
	if err := decoder.Unmarshal(text, &v); err != nil {
		return err
	}
	if v.Active.URL == "" {
		v.Active = v.Old
	}
	if len(r.out.Ingredients) < maxList {
		r.out.Ingredients = append(r.out.Ingredients, Ingredient{
			Title: clean(v.Title), Format: clean(v.Format), Relationship: clean(v.Relationship),
			Instance: clean(v.Instance), Manifest: clean(manifestLabel(v.Active.URL)),
		})
	}
	return nil
}
