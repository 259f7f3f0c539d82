package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"selvage/fingerprint"
	"selvage/provenance"
	"selvage/store"
)

// Register makes a work durable, matchable and provable, in this order:
//
//  1. the same files of the same owner are that owner's earlier work (Duplicate);
//  2. every file is fingerprinted; an unreadable one ends it, and nothing is stored. The
//     content credentials that it brought along are read; damaged ones are only noted;
//  3. the originals and the manifest stores become durable;
//  4. one transaction writes the work, its fingerprints, what the credentials claim, the
//     signed statement and the outbox rows: the commit point;
//  5. the indexes take the codes: from here every match finds the work;
//  6. the log takes the commitment, and the receipt is made and checked.
//
// After step 4 the work survives whatever happens, and steps 5 and 6 are repeated at
// the next start if they did not end.
func (s *Service) Register(ctx context.Context, q RegisterRequest) (*Registration, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	if err := q.checkFiles(); err != nil {
		return nil, err
	}
	assets, err := digestAll(q.Files)
	if err != nil {
		return nil, err
	}
	same := sameFiles(assets)
	if r, err := s.duplicate(ctx, q, same); r != nil || err != nil {
		return r, err
	}
	if len(q.Claim) > 0 {
		if err := s.openClaim(ctx, &q, assets); err != nil {
			return nil, err
		}
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	results, err := s.fingerprintAll(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		assets[i].Format = r.Format
	}
	with := s.credentials(q, results)

	done := s.stage("blob")
	for i, f := range q.Files {
		if err := s.Blobs.Put(ctx, string(q.Owner), assets[i].Digest, bytes.NewReader(f.Data), assets[i].Size); err != nil {
			return nil, fmt.Errorf("keep %q: %w", f.Name, err)
		}
	}
	if err := s.keepStores(ctx, q.Owner, with); err != nil {
		return nil, err
	}
	done()

	work, watch, err := s.commit(ctx, q, assets, results, with, same)
	if errors.Is(err, errRaced) {
		// The same owner sent the same files at the same time; the other call won.
		if r, err := s.duplicate(ctx, q, same); r != nil || err != nil {
			return r, err
		}
		return nil, fmt.Errorf("registered and withdrawn again meanwhile; send it once more: %w", store.ErrUnavailable)
	}
	if err != nil {
		return nil, err
	}
	reg := &Registration{Work: work}
	if !q.Bulk {
		reg.Related = s.earlier(ctx, work, results, watch)
	}
	if q.NoWait {
		return reg, nil
	}
	done = s.stage("receipt")
	reg.Receipt, err = s.logged.wait(ctx, q.Owner, work.ID, s.ReceiptWait)
	done()
	if errors.Is(err, ErrPending) {
		return reg, nil
	}
	if err == nil {
		reg.Work, err = s.reload(ctx, work)
	}
	return reg, err
}

// earlier is related for the answer to a registration. It hands what was found of open works
// to the watcher, which waits for it with the row of that key.
func (s *Service) earlier(ctx context.Context, w *Work, results []*fingerprint.Result, row []byte) []Match {
	var told *finding
	defer func() { s.watched.handOver(row, told) }()
	out, f, err := s.related(ctx, w, results)
	if err != nil {
		// The work is registered; that the search beside it failed must not look otherwise.
		s.Log.Error("search for earlier works failed", "work", w.ID, "err", err)
	}
	told = f
	return out
}

// reload reads a work again, for its proven time.
func (s *Service) reload(ctx context.Context, w *Work) (again *Work, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		again, err = s.workWithProof(tx, w.Owner, w.ID)
		return err
	})
	return again, err
}

// errRaced: another registration of the same files by the same owner committed first.
var errRaced = errors.New("registered meanwhile")

func (q *RegisterRequest) checkFiles() error {
	if _, err := ParseOwner(string(q.Owner)); err != nil {
		return err
	}
	switch q.Visibility {
	case "":
		q.Visibility = Private
	case Private, Matchable, Public:
	default:
		return &InvalidError{"visibility", `use "private", "matchable" or "public"`}
	}
	switch q.Kind {
	case "", fingerprint.Photo, fingerprint.Video, fingerprint.Manuscript:
	default:
		return &InvalidError{"kind", `use "photo", "video" or "manuscript", or leave it out to have it told from the file`}
	}
	if len(q.Files) == 0 {
		return &InvalidError{"file", "send at least one file"}
	}
	if len(q.Files) > MaxAssets {
		return &InvalidError{"file", fmt.Sprintf("a work has at most %d files; register the rest as further works", MaxAssets)}
	}
	return nil
}

// check checks what is said of the files.
func (q *RegisterRequest) check() error {
	if q.Title == "" {
		q.Title = strings.TrimSuffix(path.Base(q.Files[0].Name), path.Ext(q.Files[0].Name))
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{{"title", q.Title, 300}, {"description", q.Description, 10_000}} {
		if !utf8.ValidString(t.text) {
			return &InvalidError{t.field, "send it as UTF-8"}
		}
		if strings.ContainsFunc(t.text, unprintable) {
			return &InvalidError{t.field, "leave out control characters and marks that turn the direction of text"}
		}
		if utf8.RuneCountInString(t.text) > t.max {
			return &InvalidError{t.field, fmt.Sprintf("use at most %d characters", t.max)}
		}
	}
	if q.Fixed != nil && !possible(*q.Fixed) {
		return &InvalidError{"fixed", "use a year from 1 to 9999, in UTC"}
	}
	if d := q.FirstDisclosed; d != nil {
		if !possible(d.Date) {
			return &InvalidError{"first_disclosed", "use a year from 1 to 9999, in UTC"}
		}
		for _, t := range []struct{ field, text string }{{"place", d.Place}, {"channel", d.Channel}, {"reach", d.Reach}} {
			if !shortLine(t.text) {
				return &InvalidError{"first_disclosed_" + t.field, "use at most 1000 characters, none of them a control character"}
			}
		}
	}
	if len(q.Authors) > 100 {
		return &InvalidError{"authors", "name at most 100"}
	}
	for _, a := range q.Authors {
		if a.Name == "" || !shortLine(a.Name) || !shortLine(a.Role) {
			return &InvalidError{"authors", "give each a name; use at most 1000 characters, none of them a control character"}
		}
	}
	for i, r := range q.Rights {
		if !slices.Contains(provenance.Rights, r) || slices.Contains(q.Rights[:i], r) {
			return &InvalidError{"rights", "use each of these at most once: " + strings.Join(provenance.Rights, ", ")}
		}
	}
	return nil
}

func shortLine(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= 1000 && !strings.ContainsFunc(s, unprintable)
}

// possible reports whether RFC 3339 can write the time.
func possible(t time.Time) bool { y := t.UTC().Year(); return y >= 1 && y <= 9999 }

// unprintable reports whether a character could make a text show otherwise than it is.
func unprintable(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// digestAll names the files of a request.
func digestAll(files []File) ([]Asset, error) {
	var assets []Asset
	for _, f := range files {
		d := fingerprint.DigestOf(f.Data)
		if slices.ContainsFunc(assets, func(a Asset) bool { return a.Digest == d }) {
			return nil, &InvalidError{"file", fmt.Sprintf("%q is in the request twice", f.Name)}
		}
		assets = append(assets, Asset{Digest: d, Size: int64(len(f.Data)), Name: f.Name})
	}
	return assets, nil
}

// fingerprintAll hashes every file. All files of a work are of one kind.
func (s *Service) fingerprintAll(ctx context.Context, q RegisterRequest) ([]*fingerprint.Result, error) {
	defer s.stage("hash")()
	var results []*fingerprint.Result
	for _, f := range q.Files {
		r, err := s.Hashers.Hash(ctx, q.Kind, f.Data)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		if len(results) > 0 && r.Work != results[0].Work {
			return nil, &InvalidError{"file", fmt.Sprintf("%q is a %s and %q a %s; register them as two works", q.Files[0].Name, results[0].Work, f.Name, r.Work)}
		}
		results = append(results, r)
	}
	return results, nil
}

// sameFiles names a set of files, whatever their order: the digest itself for one.
func sameFiles(assets []Asset) fingerprint.Digest {
	if len(assets) == 1 {
		return assets[0].Digest
	}
	var all []string
	for _, a := range assets {
		all = append(all, a.Digest.String())
	}
	slices.Sort(all)
	return sha256.Sum256([]byte(strings.Join(all, "\n")))
}

// duplicate returns the registration of the same files by the same owner, if there is one.
func (s *Service) duplicate(ctx context.Context, q RegisterRequest, same fingerprint.Digest) (*Registration, error) {
	reg := &Registration{Duplicate: true}
	err := s.KV.View(ctx, func(tx store.Txn) error {
		id, err := tx.Get(sameFilesKey(q.Owner, same))
		if err != nil {
			return err
		}
		reg.Work, err = s.workWithProof(tx, q.Owner, WorkID(id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.sameClaims(ctx, q, reg.Work); err != nil {
		return nil, err
	}
	// The first call may have committed and then failed to reach the indexes.
	if err := s.apply(context.WithoutCancel(ctx), change{Owner: q.Owner, Work: reg.Work.ID}); err != nil {
		return nil, err
	}
	if q.NoWait {
		reg.Receipt, err = s.Receipt(ctx, q.Owner, reg.Work.ID)
	} else {
		reg.Receipt, err = s.logged.wait(ctx, q.Owner, reg.Work.ID, s.ReceiptWait)
	}
	if errors.Is(err, ErrPending) {
		return reg, nil
	}
	if err == nil {
		reg.Work, err = s.reload(ctx, reg.Work)
	}
	return reg, err
}

// commit writes the work in one transaction and brings it into the indexes. Row is the key
// of the watcher's row, which waits for handOver; nil in bulk, and for a private work, which
// tells nobody anything until it becomes open.
func (s *Service) commit(ctx context.Context, q RegisterRequest, assets []Asset, results []*fingerprint.Result, with []*brought, same fingerprint.Digest) (work *Work, row []byte, err error) {
	defer s.stage("commit")()
	now := s.Clock().UTC().Truncate(time.Millisecond)
	work = &Work{
		ID: WorkID(newID("w_", now)), Owner: q.Owner, Kind: results[0].Work, Title: q.Title, Description: q.Description,
		Visibility: q.Visibility, Dates: Dates{Fixed: q.Fixed, FirstDisclosed: q.FirstDisclosed, Received: now},
		Authors: q.Authors, Rights: q.Rights, Version: 1, Assets: assets,
	}
	previous, err := s.followUp(ctx, q, work)
	if err != nil {
		return nil, nil, err
	}
	proof, err := s.prepareWork(ctx, work, results, previous, q.signed)
	if err != nil {
		return nil, nil, err
	}
	numbers := len(assets)
	for _, r := range results {
		numbers += len(r.Parts)
	}
	first, err := s.seq.take(ctx, numbers+2)
	if err != nil {
		return nil, nil, err
	}
	changeSeq, watchSeq := first+uint64(numbers), first+uint64(numbers)+1
	for i, next := 0, first; i < len(assets); i++ {
		work.Assets[i].Seq, work.Assets[i].Parts = next, len(results[i].Parts)
		next += 1 + uint64(len(results[i].Parts))
	}
	if err := s.keepParts(ctx, work, results, changeSeq); err != nil {
		s.seq.done(first)
		return nil, nil, errors.Join(err, s.dropParts(context.WithoutCancel(ctx), first))
	}
	watch := watchRow{Cause: EventRegistered, Asker: q.Owner, Work: work.ID, Before: first, Time: now}
	var key []byte
	if work.Visibility != Private && !q.Bulk {
		for i, r := range results {
			watch.Queries = append(watch.Queries, newWatchQuery(assets[i].Digest, r))
		}
		key = watchKey(q.Owner, watchSeq)
		s.watched.expect(key)
		defer func() {
			if row == nil { // failed, or panicked
				s.watched.handOver(key, nil) // the store may have committed all the same
			}
		}()
	}
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		if _, err := tx.Get(sameFilesKey(q.Owner, same)); err == nil {
			return errRaced
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n, err := s.ensureOwner(tx, q.Owner)
		if err != nil {
			return err
		}
		if err := s.succeed(tx, work); err != nil {
			return err
		}
		for i, a := range work.Assets {
			ref := assetRef{n, a.Seq}
			rec := assetRecord{Owner: q.Owner, Work: work.ID, Digest: a.Digest, Result: results[i], Parts: results[i].Parts}
			if results[i].Work == fingerprint.Video {
				if rec.Track, err = newTrack(tx, q.Owner, ref); err != nil {
					return err
				}
			}
			if err := savePrinted(tx, assetKey(ref), rec); err != nil {
				return err
			}
			if err := errors.Join(s.saveExact(tx, work, ref, a.Digest, results[i]), saveSpan(tx, ref, results[i]), saveCredentials(tx, work, a.Digest, with[i])); err != nil {
				return err
			}
		}
		if work.Kind == fingerprint.Manuscript {
			if err := errors.Join(hasManuscript(tx, q.Owner), notePages(tx, work)); err != nil {
				return err
			}
		}
		if key != nil {
			if err := save(tx, key, watch); err != nil {
				return err
			}
		}
		return errors.Join(
			save(tx, workKey(q.Owner, work.ID), work),
			tx.Set(workOwnerKey(work.ID), []byte(q.Owner)),
			tx.Set(sameFilesKey(q.Owner, same), []byte(work.ID)),
			save(tx, changeKey(changeSeq), change{Owner: q.Owner, Work: work.ID}),
			save(tx, proofKey(q.Owner, work.ID), proof),
			tx.Set(pendingKey(q.Owner, work.ID), nil),
			tx.Delete(intentKey(first)),
			s.custody(ctx, tx, q.Owner, work.ID, custodyRegistered, string(work.Visibility)),
		)
	})
	// The indexes follow even when the caller has gone away, and even when the store says
	// that it failed: follow looks at what is really there.
	if err := errors.Join(err, s.follow(ctx, change{Owner: q.Owner, Work: work.ID, fresh: true}, first)); err != nil {
		// Where the transaction was committed all the same, the intent is gone and nothing is dropped.
		return nil, nil, errors.Join(err, s.dropParts(context.WithoutCancel(ctx), first))
	}
	s.logged.add(q.Owner, work.ID)
	return work, key, nil
}

// sameClaims refuses to answer with an earlier registration of the same files that does not
// carry the claim, or does not follow the version, that the request names.
func (s *Service) sameClaims(ctx context.Context, q RegisterRequest, w *Work) error {
	if len(q.Claim) > 0 {
		rec, err := s.logged.proof(ctx, job{owner: w.Owner, work: w.ID})
		if err != nil {
			return err
		}
		if !bytes.Equal(rec.Claim, q.Claim) {
			return &InvalidError{"claim", fmt.Sprintf("these files are registered already, as %s, without this claim; withdraw that work first to register them anew", w.ID)}
		}
	}
	if q.VersionOf != "" && w.Replaces != q.VersionOf {
		return &InvalidError{"version_of", fmt.Sprintf("these files are registered already, as %s, which is not the next version of %s", w.ID, q.VersionOf)}
	}
	return nil
}
