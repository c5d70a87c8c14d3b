package org

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
)

// Cloud is a provider of keys and storage outside of weir.
type Cloud string

// The clouds, by OpenAI's words.
const (
	AWS   Cloud = "aws"
	GCP   Cloud = "gcp"
	Azure Cloud = "azure"
	OCI   Cloud = "oci"
)

var clouds = []string{string(AWS), string(GCP), string(Azure), string(OCI)}

// cloudField is a text in the configuration C of something in a cloud. None of
// them is a secret: they say where a thing is and as whom to ask for it.
type cloudField[C any] struct {
	name  string // in the API
	of    func(*C) *string
	shape *regexp.Regexp // nil: any text
	// strict: what has another shape is refused at registration. The other shapes
	// are looked at when the configuration is validated.
	strict bool
}

// Shapes of names in clouds.
var (
	shapeRoleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)
	shapeKMSARN    = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/(mrk-)?[0-9a-f-]{32,36}|alias/[\w/-]{1,250})$`)
	shapeBucket    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
	shapeUUID      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	shapeNumber    = regexp.MustCompile(`^[0-9]{1,19}$`)
	shapeGCPName   = regexp.MustCompile(`^[\w-]{1,63}$`)
	shapeGCPRegion = regexp.MustCompile(`^(global|[a-z]+(-[a-z0-9]+)*)$`)
	shapeGCPID     = regexp.MustCompile(`^[a-z]([a-z0-9:.-]{4,61})[a-z0-9]$`)
	shapePool      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{2,30}[a-z0-9]$`)
	shapeAzureName = regexp.MustCompile(`^[0-9a-zA-Z-]{1,127}$`)
	shapeAzureKey  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	shapeVaultURI  = regexp.MustCompile(`^https://[0-9a-zA-Z-]{3,127}\.(vault|managedhsm)\.[a-z.]+/?$`)
	shapeAccount   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	shapeGroup     = regexp.MustCompile(`^[\w().-]{0,89}[\w()-]$`)
	shapeOCID      = regexp.MustCompile(`^ocid1\.[a-z0-9]+\.[a-z0-9-]+\.[a-z0-9-]*\.([a-z0-9-]*\.)?[a-z0-9]+$`)
	shapeOCIRegion = regexp.MustCompile(`^[a-z]{2}-[a-z]+-[0-9]+$`)
	shapeOCIBucket = regexp.MustCompile(`^[\w.-]{1,256}$`)
)

const maxCloudText = 2048 // of a configuration's field, in characters

// checkCloudFields refuses fields that are missing or malformed, and returns a
// configuration with the fields alone. at stands before the names of fields in
// complaints.
func checkCloudFields[C any](at string, in C, fields []cloudField[C]) (C, error) {
	var out C
	for _, f := range fields {
		value, param := *f.of(&in), at+f.name
		switch {
		case value == "":
			return out, fault.MissingParam(param)
		case utf8.RuneCountInString(value) > maxCloudText:
			return out, checkLength(param, value, maxCloudText)
		case strings.TrimSpace(value) == "" || strings.ContainsFunc(value, unprintable):
			return out, fault.Invalidf("invalid_value", param, "Invalid '%s': it is blank or holds control characters.", param)
		case f.strict && !f.shape.MatchString(value):
			return out, fault.Invalidf("invalid_value", param, "Invalid '%s': '%s' is not of the form %s.", param, value, f.shape)
		}
		*f.of(&out) = value
	}
	return out, nil
}

// wellFormed reports whether every field has its shape.
func wellFormed[C any](c C, fields []cloudField[C]) bool {
	for _, f := range fields {
		if f.shape != nil && !f.shape.MatchString(*f.of(&c)) {
			return false
		}
	}
	return true
}

// checkOwnID refuses an id, as which weir is to introduce itself to a cloud, that
// is neither the organization's nor that of one of its active projects.
func checkOwnID(ctx context.Context, r Reader, organizationID, param, ownID string) error {
	if ownID == organizationID {
		return nil
	}
	p, err := r.Project(ctx, organizationID, ownID)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && p.Archived():
		return fault.Invalidf("invalid_value", param, "Invalid '%s': '%s' is neither the organization's ID nor that of an active project of it.", param, ownID)
	case err != nil:
		return err
	}
	return nil
}
