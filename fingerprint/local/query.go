package local

// Query is what a picture that is asked about brings to a search by local features.
type Query struct {
	// Base is the picture that the features were found in, for laying it over candidates.
	Base *Gray
	// Sets are the features by Variant: the same places with the descriptors as they would
	// be, had the picture been mirrored or inverted.
	Sets [4][]QueryFeature
}
