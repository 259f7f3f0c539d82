package registry

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"

	"selvage/provenance"
	"selvage/provenance/paper"
	"selvage/store"
)

// certificatePictures is how many originals are decoded for one certificate.
const certificatePictures = 8

// Certificate returns the certificate of an own work as a PDF, see [paper.Certificate]: what
// its receipt proves, with pictures of the originals. The same receipt gives the same bytes.
// ErrPending while the log has not taken the entry.
func (s *Service) Certificate(ctx context.Context, owner OwnerID, id WorkID) ([]byte, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	defer s.stage("certificate")()
	text, err := s.Receipt(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	var work *Work
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		work, err = load[Work](tx, workKey(owner, id))
		return err
	})
	if err != nil {
		return nil, err
	}
	receipt, err := provenance.ParseReceipt(text)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	r, err := paper.RegistrationOf(receipt)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	r.Link = s.VerifyURL
	for i, a := range work.Assets[:min(len(work.Assets), certificatePictures)] {
		img, err := s.thumbnail(ctx, work, a, nil)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		if img == nil {
			continue
		}
		p := paper.Picture{Image: img}
		if len(work.Assets) > 1 {
			p.Caption = fmt.Sprintf("%d  %s", i+1, a.Name)
		}
		r.Pictures = append(r.Pictures, p)
	}
	pdf, err := paper.Certificate(r)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return pdf, nil
}

// thumbnail decodes an original, or the part of it that stands at a place, under the caps of hashing, into a small picture; nil where
// its kind of work has none.
func (s *Service) thumbnail(ctx context.Context, work *Work, a Asset, at *Place) (image.Image, error) {
	data, err := s.Blobs.Read(ctx, string(work.Owner), a.Digest, a.Size)
	if err != nil {
		return nil, fmt.Errorf("original of %s: %w", work.ID, err)
	}
	var small []byte
	if at == nil {
		small, err = s.Hashers.Preview(ctx, work.Kind, data)
	} else {
		small, err = s.Hashers.PreviewPart(ctx, work.Kind, data, at.part())
	}
	if err != nil {
		return nil, fmt.Errorf("picture of %s: %w", work.ID, err)
	}
	if small == nil {
		return nil, nil
	}
	img, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil {
		return nil, fmt.Errorf("picture of %s: %w", work.ID, err)
	}
	return img, nil
}
