package registry

import (
	"encoding/json"
	"fmt"

	"selvage/provenance"
)

// custodyGraph is the custody record as a W3C PROV graph (PROV-O in JSON-LD, its context
// written out, so that nothing has to be fetched to read it): the files as entities by their
// SHA-256, what was done as activities; the owner, the service and the keys that acted as agents. A key that is not the
// owner's acted on the owner's behalf.
func custodyGraph(service string, work *Work, match *provenance.MatchStatement, events []custodyEvent) ([]byte, error) {
	type node map[string]any
	ref := func(id string) node { return node{"@id": id} }
	at := func(t string) node { return node{"@type": "xsd:dateTime", "@value": t} }
	owner, us := "urn:selvage:owner:"+string(work.Owner), "urn:selvage:service:"+service
	workID := "urn:selvage:work:" + string(work.ID)
	graph := []node{
		{"@id": owner, "@type": "prov:Agent", "label": string(work.Owner)},
		{"@id": us, "@type": []string{"prov:Agent", "prov:SoftwareAgent"}, "label": service},
	}
	var files []node
	for _, a := range work.Assets {
		id := "urn:sha256:" + a.Digest.String()
		files = append(files, ref(id))
		graph = append(graph, node{"@id": id, "@type": "prov:Entity", "label": a.Name, "wasAttributedTo": ref(owner)})
	}
	w := node{"@id": workID, "@type": []string{"prov:Entity", "prov:Collection"}, "label": work.Title, "hadMember": files, "wasAttributedTo": ref(owner)}
	if work.Replaces != "" {
		w["wasRevisionOf"] = ref("urn:selvage:work:" + string(work.Replaces))
	}
	graph = append(graph, w)
	known := map[string]bool{}
	for _, e := range events {
		by := owner
		if e.Actor != nil {
			by = "urn:selvage:key:" + e.Actor.Key
			if !known[by] {
				known[by] = true
				graph = append(graph, node{"@id": by, "@type": "prov:Agent", "label": e.Actor.Role + " key " + e.Actor.Key, "actedOnBehalfOf": ref(owner)})
			}
		}
		id := fmt.Sprintf("%s#%d", workID, e.N)
		a := node{
			"@id": id, "@type": "prov:Activity", "label": e.What, "used": ref(workID),
			"startedAtTime": at(e.Time), "endedAtTime": at(e.Time), "wasAssociatedWith": []node{ref(by), ref(us)},
		}
		if e.Detail != "" {
			a["comment"] = e.Detail
		}
		if e.N > 1 {
			a["wasInformedBy"] = ref(fmt.Sprintf("%s#%d", workID, e.N-1))
		}
		graph = append(graph, a)
	}
	if match != nil {
		accused := "urn:sha256:" + match.Query.Digest
		graph = append(graph,
			node{
				"@id": "urn:selvage:match:" + match.Match, "@type": "prov:Activity", "label": "compared", "comment": match.Sentence,
				"used": []node{ref(accused), ref("urn:sha256:" + match.Asset)}, "endedAtTime": at(match.Time), "wasAssociatedWith": ref(us),
			})
		if accused != "urn:sha256:"+match.Asset {
			graph = append(graph, node{"@id": accused, "@type": "prov:Entity"})
		}
	}
	iri := func(id string) node { return node{"@id": id, "@type": "@id"} }
	doc := node{
		"@context": node{
			"prov": "http://www.w3.org/ns/prov#", "xsd": "http://www.w3.org/2001/XMLSchema#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
			"label": "rdfs:label", "comment": "rdfs:comment",
			"used": iri("prov:used"), "hadMember": iri("prov:hadMember"), "wasAttributedTo": iri("prov:wasAttributedTo"),
			"wasAssociatedWith": iri("prov:wasAssociatedWith"), "wasInformedBy": iri("prov:wasInformedBy"), "wasRevisionOf": iri("prov:wasRevisionOf"),
			"actedOnBehalfOf": iri("prov:actedOnBehalfOf"),
			"startedAtTime":   "prov:startedAtTime", "endedAtTime": "prov:endedAtTime",
		},
		"@graph": graph,
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return provenance.Canonical(b, 64<<20)
}
