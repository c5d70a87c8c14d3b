package pricing

import (
	"strconv"
	"strings"

	"weir/internal/usage"
)

// Units of cost lines, as the provider's bill calls them.
const (
	unitTokens     = "tokens"
	unitImages     = "images"
	unitCharacters = "characters"
	unitSeconds    = "duration_seconds"
	unitCalls      = "calls"
	unitSessions   = "sessions"
	unitBytes      = "bytes"
)

const (
	millisPerSecond = 1000
	gibibyte        = 1 << 30
)

// bucket is one kind of token a request consumed.
type bucket struct {
	meter     Meter
	component string // of the line item
	quantity  int64
}

// consumed adds the lines of what the model itself consumed.
func (p *pricer) consumed(r *Request) {
	buckets := p.buckets(&r.Q)
	var hasTokens bool
	for _, b := range buckets {
		if b.quantity <= 0 {
			continue
		}
		hasTokens = true
		if p.find(b.meter) != nil {
			p.tokenLines(&buckets)
			return
		}
	}
	switch {
	case p.measured(r, false):
	case hasTokens:
		p.tokenLines(&buckets)
	default:
		p.measured(r, true)
	}
}

// buckets are the token quantities in the order of the bill, those moved
// together that the model's rows do not tell apart.
func (p *pricer) buckets(q *usage.Quantities) [10]bucket {
	input, cached, output, made := q.InputText, q.CachedText, q.OutputText, q.OutputImage
	inputImage, cachedImage := q.InputImage, q.CachedImage
	if inputImage+cachedImage > 0 && !p.states(InputImage) {
		input, inputImage = input+inputImage, 0
		if !p.states(CachedImage) {
			cached, cachedImage = cached+cachedImage, 0
		}
	}
	if output > 0 && !p.states(Output) && p.states(OutputImage) { // it can only make images
		made, output = made+output, 0
	}
	return [10]bucket{
		{Input, ", input", input},
		{InputAudio, ", input", q.InputAudio},
		{InputImage, ", input", inputImage},
		{CachedInput, ", cached input", cached},
		{CachedAudio, ", cached input", q.CachedAudio},
		{CachedImage, ", cached input", cachedImage},
		{CacheWrite, ", cache writes", q.CacheWrite},
		{Output, ", output", output},
		{OutputAudio, ", output", q.OutputAudio},
		{OutputImage, ", output", made},
	}
}

func (p *pricer) tokenLines(buckets *[10]bucket) {
	prefix, modal := p.want.tier.prefix(), p.modal()
	for i := range buckets {
		b := &buckets[i]
		if b.quantity <= 0 {
			continue
		}
		e := p.find(b.meter)
		modality, band := "", ""
		if modal || b.meter.Modality() != "text" {
			modality = " " + b.meter.Modality()
		}
		if e != nil && e.ContextMinTokens > 0 {
			band = ", long context"
		}
		p.add(usage.CostLine{
			LineItem: prefix + p.name + modality + b.component + band,
			Meter:    string(b.meter),
			Quantity: b.quantity,
			Unit:     unitTokens,
		}, e, b.quantity, 1)
	}
}

// modal reports whether the model's rows tell modalities apart, so that the bill
// names text too.
func (p *pricer) modal() bool {
	for _, m := range [...]Meter{InputAudio, InputImage, OutputAudio, OutputImage, CachedAudio, CachedImage} {
		if p.states(m) {
			return true
		}
	}
	return false
}

// measured adds the line of the first measure that has a price, or, when
// anyway, that was taken at all; it reports whether there was one.
func (p *pricer) measured(r *Request, anyway bool) bool {
	prefix := p.want.tier.prefix()
	type measure struct {
		meter     Meter
		component string
		unit      string
		quantity  int64
		divisor   int64
		size      string
	}
	for _, m := range [...]measure{
		{Image, "", unitImages, r.Q.Images, 1, imageSize(r.Size)},
		{Character, "", unitCharacters, r.Q.Characters, 1, ""},
		{AudioSecond, "", unitSeconds, r.Q.Millis, millisPerSecond, ""},
		{VideoSecond, "", unitSeconds, r.Q.Millis, millisPerSecond, resolution(r.Size)},
		{VoiceSecond, ", voice session", unitSeconds, r.Q.Millis, millisPerSecond, ""},
	} {
		if m.quantity <= 0 {
			continue
		}
		p.want.size = m.size
		e := find(p.sheets, m.meter, &p.want)
		if e == nil && !anyway {
			continue
		}
		p.add(usage.CostLine{
			LineItem: prefix + p.name + m.component,
			Meter:    string(m.meter),
			Quantity: (m.quantity + m.divisor/2) / m.divisor, // whole seconds; the amount is of the exact time
			Unit:     m.unit,
		}, e, m.quantity, m.divisor)
		return true
	}
	return false
}

// imageSize is the size a picture was made in; the one made unasked is square.
func imageSize(asked string) string {
	if asked == "" {
		return "1024x1024"
	}
	return asked
}

// resolution names a video's frame by its shorter side: 720p of 1280x720, which
// is also what one gets by not asking.
func resolution(size string) string {
	if size == "" {
		return "720p"
	}
	w, h, ok := strings.Cut(size, "x")
	if !ok {
		return size
	}
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if errW != nil || errH != nil {
		return size
	}
	return strconv.Itoa(min(width, height)) + "p"
}
