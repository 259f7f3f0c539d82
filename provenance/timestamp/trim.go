package timestamp

import (
	"bytes"
	"crypto/x509"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var tag1 = cbasn1.Tag(1).ContextSpecific().Constructed()

// trim takes out of a response what its token carries beyond need and no signature
// protects: certificates that are not on the way to a root, revocation lists and unsigned
// attributes (RFC 5652, 5.1 and 5.3 make all of them optional). The other certificates are
// put in DER's order, and the list of digest algorithms becomes the one that is used. The
// signature stays as it is, and the result is checked by whoever called. It returns false
// where the response is not made as expected.
func trim(response []byte, roots []*x509.Certificate) ([]byte, bool) {
	var resp, status, info, oid, explicit, signed, version, algs, content, set, infos, si cryptobyte.String
	var hasCerts, hasCRLs bool
	var crls cryptobyte.String
	in := cryptobyte.String(response)
	if !in.ReadASN1(&resp, cbasn1.SEQUENCE) || !in.Empty() ||
		!resp.ReadASN1Element(&status, cbasn1.SEQUENCE) ||
		!resp.ReadASN1(&info, cbasn1.SEQUENCE) || !resp.Empty() ||
		!info.ReadASN1Element(&oid, cbasn1.OBJECT_IDENTIFIER) ||
		!info.ReadASN1(&explicit, tag0) || !info.Empty() ||
		!explicit.ReadASN1(&signed, cbasn1.SEQUENCE) || !explicit.Empty() ||
		!signed.ReadASN1Element(&version, cbasn1.INTEGER) ||
		!signed.ReadASN1Element(&algs, cbasn1.SET) ||
		!signed.ReadASN1Element(&content, cbasn1.SEQUENCE) ||
		!signed.ReadOptionalASN1(&set, &hasCerts, tag0) ||
		!signed.ReadOptionalASN1(&crls, &hasCRLs, tag1) ||
		!signed.ReadASN1(&infos, cbasn1.SET) || !signed.Empty() ||
		!infos.ReadASN1(&si, cbasn1.SEQUENCE) || !infos.Empty() {
		return nil, false
	}
	var fields []cryptobyte.String
	for _, tag := range []cbasn1.Tag{cbasn1.INTEGER, cbasn1.SEQUENCE, cbasn1.SEQUENCE, tag0, cbasn1.SEQUENCE, cbasn1.OCTET_STRING} {
		var f cryptobyte.String
		if !si.ReadASN1Element(&f, tag) {
			return nil, false
		}
		fields = append(fields, f)
	}
	certs, ok := needed(set, fields[1], roots)
	if !ok {
		return nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(status)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(oid)
			b.AddASN1(tag0, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(version)
					b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(fields[2]) })
					b.AddBytes(content)
					b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(certs...)) })
					b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							for _, f := range fields {
								b.AddBytes(f)
							}
						})
					})
				})
			})
		})
	})
	out, err := b.Bytes()
	return out, err == nil
}

// needed returns the certificates from the signer's on to a root, in DER's order. who is
// the signer's IssuerAndSerialNumber. It picks by names and signatures, at any time;
// VerifyTokenDigest judges.
func needed(set, who cryptobyte.String, roots []*x509.Certificate) ([][]byte, bool) {
	var carried []*x509.Certificate
	for !set.Empty() {
		var der cryptobyte.String
		if !set.ReadASN1Element(&der, cbasn1.SEQUENCE) {
			return nil, false
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, false
		}
		carried = append(carried, c)
	}
	var signer *x509.Certificate
	for _, c := range carried {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(c.RawIssuer)
			b.AddASN1BigInt(c.SerialNumber)
		})
		if name, err := b.Bytes(); err == nil && bytes.Equal(name, who) {
			signer = c
		}
	}
	if signer == nil {
		return nil, false
	}
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: signer.NotBefore,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	for _, c := range roots {
		opts.Roots.AddCert(c)
	}
	for _, c := range carried {
		opts.Intermediates.AddCert(c)
	}
	chains, err := signer.Verify(opts)
	if err != nil {
		return nil, false
	}
	var keep [][]byte
	for _, c := range carried {
		if slices.ContainsFunc(chains[0], c.Equal) {
			keep = append(keep, c.Raw)
		}
	}
	slices.SortFunc(keep, bytes.Compare)
	return slices.CompactFunc(keep, bytes.Equal), true
}
