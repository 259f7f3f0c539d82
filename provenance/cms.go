package provenance

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of RFC 3161, RFC 5652 and RFC 5816.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
)

var (
	tag0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	tag1 = cbasn1.Tag(1).ContextSpecific().Constructed()
	tag2 = cbasn1.Tag(2).ContextSpecific().Constructed()
)

// stamp is a time-stamp token, a ContentInfo with SignedData over a TSTInfo, taken apart.
//
// Only one encoding is read: DER, with nothing in it that neither the signature nor its
// certificate vouches for (no CRLs, no unsigned attributes, one digest algorithm). So a
// token has no byte that can be changed and still verify, and its bytes are the DER that
// RFC 4998 hashes.
type stamp struct {
	raw  []byte
	info tstInfo
	// hash is the function of the message imprint.
	hash crypto.Hash
	// signedBy is the hash function of the signature.
	signedBy crypto.Hash
	// What checkSignature goes over: TSTInfo, the signed attributes with their tag, the
	// signature, its algorithm, the certificates (DER), and the issuer and serial number of
	// the signer's.
	content, attrs, signature []byte
	algorithm                 x509.SignatureAlgorithm
	carried                   [][]byte
	who                       []byte

	// certs and signer are set by checkSignature: renewing reads many tokens and looks at
	// no certificate.
	certs  []*x509.Certificate
	signer *x509.Certificate
}

// unsupported is the error of material that may be right, but is not of the kind read here.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// tstInfo is TSTInfo of RFC 3161, 2.4.2. It is under the signature, so it is read as
// leniently as encoding/asn1 does.
type tstInfo struct {
	Version        int
	Policy         asn1.ObjectIdentifier
	MessageImprint struct {
		HashAlgorithm struct {
			Algorithm  asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		HashedMessage []byte
	}
	SerialNumber *big.Int
	Time         time.Time `asn1:"generalized"`
	Accuracy     struct {
		Seconds int64 `asn1:"optional"`
		Millis  int64 `asn1:"tag:0,optional"`
		Micros  int64 `asn1:"tag:1,optional"`
	} `asn1:"optional"`
	Ordering   bool          `asn1:"optional,default:false"`
	Nonce      *big.Int      `asn1:"optional"`
	TSA        asn1.RawValue `asn1:"tag:0,optional"`
	Extensions asn1.RawValue `asn1:"tag:1,optional"`
}

func (t *tstInfo) accuracy() (time.Duration, error) {
	a := t.Accuracy
	if a.Seconds < 0 || a.Millis < 0 || a.Micros < 0 {
		return 0, errors.New("token: negative accuracy")
	}
	// RFC 3161 has 1 to 999 of the smaller units. A day of doubt is no time-stamp.
	if a.Seconds > 86400 || a.Millis > 999 || a.Micros > 999 {
		return 0, errors.New("token: accuracy out of range")
	}
	return time.Duration(a.Seconds)*time.Second + time.Duration(a.Millis)*time.Millisecond + time.Duration(a.Micros)*time.Microsecond, nil
}

var errNotDER = errors.New("token: not a time-stamp token in DER")

// openResponse takes the token out of an RFC 3161 response (DER).
func openResponse(response []byte) ([]byte, error) {
	if len(response) > maxToken {
		return nil, fmt.Errorf("token of %d bytes: the limit is %d", len(response), maxToken)
	}
	var seq, status, token cryptobyte.String
	in := cryptobyte.String(response)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&status, cbasn1.SEQUENCE) {
		return nil, errors.New("token: not an RFC 3161 response in DER")
	}
	var code int
	if !status.ReadASN1Integer(&code) {
		return nil, errors.New("token: not an RFC 3161 response in DER")
	}
	if code != 0 {
		return nil, fmt.Errorf("token: the authority did not grant the request (status %d%s)", code, statusText(status))
	}
	if !seq.ReadASN1Element(&token, cbasn1.SEQUENCE) || !seq.Empty() {
		return nil, errors.New("token: the response carries no token")
	}
	return token, nil
}

// statusText is what an authority says about a refusal: PKIFreeText, then PKIFailureInfo.
func statusText(status cryptobyte.String) string {
	var texts, text cryptobyte.String
	said := ""
	if status.PeekASN1Tag(cbasn1.SEQUENCE) && status.ReadASN1(&texts, cbasn1.SEQUENCE) {
		for texts.ReadASN1(&text, cbasn1.UTF8String) {
			said += ": " + printable(clip(string(text)))
		}
	}
	var bits asn1.BitString
	if status.ReadASN1BitString(&bits) {
		for bit, name := range map[int]string{
			0: "badAlg", 2: "badRequest", 5: "badDataFormat", 14: "timeNotAvailable", 15: "unacceptedPolicy",
			16: "unacceptedExtension", 17: "addInfoNotAvailable", 25: "systemFailure",
		} {
			if bits.At(bit) == 1 {
				said += ", " + name
			}
		}
	}
	return said
}

// parseStamp reads a token's form. It checks no signature and opens no certificate.
func parseStamp(raw []byte) (*stamp, error) {
	if len(raw) > maxToken {
		return nil, unsupported(fmt.Sprintf("token of %d bytes: the limit is %d", len(raw), maxToken))
	}
	var info, body, signed, algs, content, eContent, octets, certs, infos, si cryptobyte.String
	var oid asn1.ObjectIdentifier
	var version int
	var hasCerts bool
	in := cryptobyte.String(raw)
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !in.Empty() ||
		!info.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) ||
		!info.ReadASN1(&body, tag0) || !info.Empty() ||
		!body.ReadASN1(&signed, cbasn1.SEQUENCE) || !body.Empty() ||
		// RFC 5652, 5.1: version 3, as the content is not plain data.
		!signed.ReadASN1Integer(&version) || version != 3 ||
		!signed.ReadASN1(&algs, cbasn1.SET) ||
		!signed.ReadASN1(&content, cbasn1.SEQUENCE) ||
		!content.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidTSTInfo) ||
		!content.ReadASN1(&eContent, tag0) || !content.Empty() ||
		!eContent.ReadASN1(&octets, cbasn1.OCTET_STRING) || !eContent.Empty() ||
		!signed.ReadOptionalASN1(&certs, &hasCerts, tag0) {
		return nil, errNotDER
	}
	if signed.PeekASN1Tag(tag1) {
		return nil, unsupported("token: it carries revocation lists, which nothing in it protects")
	}
	if !signed.ReadASN1(&infos, cbasn1.SET) || !signed.Empty() {
		return nil, errNotDER
	}
	if !infos.ReadASN1(&si, cbasn1.SEQUENCE) || !infos.Empty() {
		return nil, errors.New("token: want exactly one signer")
	}
	s := &stamp{raw: raw, content: octets}
	if err := s.readCertificates(certs); err != nil {
		return nil, err
	}
	if err := s.readInfo(octets); err != nil {
		return nil, err
	}
	return s, s.readSigner(si, algs)
}

// readCertificates reads a SET OF certificates: in DER's order, none twice.
func (s *stamp) readCertificates(set cryptobyte.String) error {
	var last []byte
	for !set.Empty() {
		var der cryptobyte.String
		if !set.ReadASN1Element(&der, cbasn1.SEQUENCE) {
			return errNotDER
		}
		if bytes.Compare(last, der) >= 0 {
			return errors.New("token: its certificates are not in the order of DER")
		}
		last = der
		s.carried = append(s.carried, der)
	}
	return nil
}

func (s *stamp) readInfo(octets []byte) error {
	rest, err := asn1.Unmarshal(octets, &s.info)
	if err != nil || len(rest) > 0 || s.info.Version != 1 {
		return errors.New("token: unreadable time-stamp information")
	}
	var ok bool
	if s.hash, ok = hashOf(s.info.MessageImprint.HashAlgorithm.Algorithm); !ok {
		return unsupported("token: its imprint is by a hash function that is not SHA-256, SHA-384, SHA-512 or SHA3")
	}
	return nil
}

// readSigner reads the SignerInfo (RFC 5652, 5.3).
func (s *stamp) readSigner(si, algs cryptobyte.String) error {
	var who, attrs, sig cryptobyte.String
	var version int
	if !si.ReadASN1Integer(&version) || version != 1 || !si.ReadASN1(&who, cbasn1.SEQUENCE) {
		return errors.New("token: its signer is not named by issuer and serial number")
	}
	before := si
	digest, ok := readAlgorithm(&si)
	if !ok {
		return errNotDER
	}
	if named := before[:len(before)-len(si)]; !bytes.Equal(named, algs) {
		return errors.New("token: the digest algorithms it lists are not the one it uses")
	}
	if s.signedBy, ok = hashOf(digest); !ok {
		return unsupported("token: it is signed with a hash function that is not SHA-256, SHA-384, SHA-512 or SHA3")
	}
	if !si.ReadASN1Element(&attrs, tag0) {
		return errNotDER
	}
	alg, ok := readAlgorithm(&si)
	if !ok || !si.ReadASN1(&sig, cbasn1.OCTET_STRING) {
		return errNotDER
	}
	if !si.Empty() {
		return unsupported("token: it carries unsigned attributes, which nothing in it protects")
	}
	s.who, s.attrs, s.signature = who, attrs, sig
	var err error
	s.algorithm, err = signatureAlgorithm(alg, s.signedBy)
	return err
}

// checkSignature checks that the carried certificate signed the time stamp. Whom the
// certificate belongs to is verify's question.
func (s *stamp) checkSignature() error {
	if err := s.openCertificates(); err != nil {
		return err
	}
	if err := s.checkSignedAttributes(); err != nil {
		return err
	}
	// RFC 5652, 5.4: the signature is over the attributes as a SET OF, not as [0].
	over := append([]byte{byte(cbasn1.SET)}, s.attrs[1:]...)
	if err := s.signer.CheckSignature(s.algorithm, over, s.signature); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	return nil
}

// openCertificates parses what the token carries and finds its signer's certificate.
func (s *stamp) openCertificates() error {
	var issuer cryptobyte.String
	serial, who := new(big.Int), cryptobyte.String(s.who)
	if !who.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !who.ReadASN1Integer(serial) || !who.Empty() {
		return errors.New("token: its signer is not named by issuer and serial number")
	}
	s.certs, s.signer = nil, nil
	for _, der := range s.carried {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		s.certs = append(s.certs, c)
		if bytes.Equal(c.RawIssuer, issuer) && c.SerialNumber.Cmp(serial) == 0 {
			s.signer = c
		}
	}
	if s.signer == nil {
		return errors.New("token: it does not carry its signer's certificate")
	}
	return nil
}

// checkSignedAttributes demands that the signature is over the content, that the content
// is a time stamp (RFC 3161, 2.4.2), and that it was made by this very certificate
// (ESSCertIDv2, RFC 5816).
func (s *stamp) checkSignedAttributes() error {
	element, attrs := cryptobyte.String(s.attrs), cryptobyte.String(nil)
	if !element.ReadASN1(&attrs, tag0) {
		return errNotDER
	}
	values := map[string]cryptobyte.String{}
	var last []byte
	for !attrs.Empty() {
		var raw, attr, set, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !attrs.ReadASN1Element(&raw, cbasn1.SEQUENCE) || bytes.Compare(last, raw) >= 0 {
			return errNotDER
		}
		last = raw
		if !raw.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) ||
			!attr.ReadASN1(&set, cbasn1.SET) || !attr.Empty() {
			return errNotDER
		}
		// Only these four have a meaning here, and exactly one value each.
		if oid.Equal(oidContentType) || oid.Equal(oidMessageDigest) || oid.Equal(oidSigningTime) || oid.Equal(oidSigningCertV2) {
			if !set.ReadAnyASN1Element(&value, &tag) || !set.Empty() || values[oid.String()] != nil {
				return errors.New("token: a signed attribute with other than one value")
			}
			values[oid.String()] = value
		}
	}
	var contentType asn1.ObjectIdentifier
	v := values[oidContentType.String()]
	if !v.ReadASN1ObjectIdentifier(&contentType) || !contentType.Equal(oidTSTInfo) {
		return errors.New("token: the signature is not over a time stamp")
	}
	var digest cryptobyte.String
	v = values[oidMessageDigest.String()]
	if !v.ReadASN1(&digest, cbasn1.OCTET_STRING) || !bytes.Equal(digest, sum(s.signedBy, s.content)) {
		return errors.New("token: the signature is over another time stamp")
	}
	if v := values[oidSigningTime.String()]; v != nil {
		var at time.Time
		if _, err := asn1.Unmarshal(v, &at); err != nil {
			return errors.New("token: unreadable signing time")
		}
		if at.Before(s.signer.NotBefore) || at.After(s.signer.NotAfter) {
			return errors.New("token: its signing time lies outside its certificate's validity")
		}
	}
	return s.checkCertID(values[oidSigningCertV2.String()])
}

// checkCertID reads SigningCertificateV2: the first ESSCertIDv2 is the signer's.
func (s *stamp) checkCertID(v cryptobyte.String) error {
	var seq, ids, id, hash cryptobyte.String
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&ids, cbasn1.SEQUENCE) || !ids.ReadASN1(&id, cbasn1.SEQUENCE) {
		return errors.New("token: no signing certificate attribute of RFC 5816 (one with SHA-1 alone is not enough)")
	}
	h := crypto.SHA256
	if id.PeekASN1Tag(cbasn1.SEQUENCE) {
		oid, ok := readAlgorithm(&id)
		if ok {
			h, ok = hashOf(oid)
		}
		if !ok {
			return errors.New("token: unreadable signing certificate attribute")
		}
	}
	if !id.ReadASN1(&hash, cbasn1.OCTET_STRING) {
		return errors.New("token: unreadable signing certificate attribute")
	}
	if !bytes.Equal(hash, sum(h, s.signer.Raw)) {
		return errors.New("token: signed for another certificate")
	}
	return nil
}

// verify asks whether the token is over a digest and leads, at its own time, to one of the roots.
func (s stamp) verify(h crypto.Hash, digest []byte, roots []*x509.Certificate) (Token, error) {
	if s.hash != h || !bytes.Equal(s.info.MessageImprint.HashedMessage, digest) {
		return Token{}, errors.New("token: it is over other data")
	}
	if err := s.checkSignature(); err != nil {
		return Token{}, err
	}
	if err := checkStampingUsage(s.signer); err != nil {
		return Token{}, err
	}
	at := s.info.Time
	if at.Before(s.signer.NotBefore) || at.After(s.signer.NotAfter) {
		return Token{}, fmt.Errorf("token: its time %s lies outside its certificate's validity", at.UTC().Format(time.RFC3339))
	}
	accuracy, err := s.info.accuracy()
	if err != nil {
		return Token{}, err
	}
	tok := Token{
		Time: at.UTC(), Accuracy: accuracy, Authority: s.signer.Subject.CommonName,
		Hash: s.hash, Policy: s.info.Policy, Nonce: s.info.Nonce, signedBy: s.signedBy,
	}
	if tok.Chain, err = s.chain(roots, at); err != nil {
		return tok, err
	}
	tok.Root = tok.Chain[len(tok.Chain)-1]
	return tok, nil
}

// chain returns the way from the signer to a root; of several the one that lasts longest.
// Every certificate in the token must be on one of them.
func (s *stamp) chain(roots []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	opts := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	for _, c := range roots {
		opts.Roots.AddCert(c)
	}
	for _, c := range s.certs {
		opts.Intermediates.AddCert(c)
	}
	chains, err := s.signer.Verify(opts)
	if err != nil {
		return nil, fmt.Errorf("token: %w: %v", errUntrustedAuthority, err)
	}
	var best []*x509.Certificate
	var until time.Time
	used := map[string]bool{}
	for _, chain := range chains {
		end := Sunsets(nil).chain(chain, s.signedBy).until
		if best == nil || end.After(until) {
			best, until = chain, end
		}
		for _, c := range chain {
			used[string(c.Raw)] = true
		}
	}
	for _, c := range s.certs {
		if !used[string(c.Raw)] {
			return nil, fmt.Errorf("token: it carries the certificate %q, which is not on the way to a trusted root", c.Subject.CommonName)
		}
	}
	return best, nil
}
