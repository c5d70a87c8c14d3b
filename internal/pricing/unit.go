package pricing

import (
	"fmt"
	"strings"
)

// unit is what a unit word of the data means.
type unit struct {
	meter Meter
	size  int64
}

var units = map[string]unit{
	"input_token":              {Input, 1},
	"cached_input_token":       {CachedInput, 1},
	"cache_write_token":        {CacheWrite, 1},
	"output_token":             {Output, 1},
	"input_audio_token":        {InputAudio, 1},
	"cached_input_audio_token": {CachedAudio, 1},
	"output_audio_token":       {OutputAudio, 1},
	"input_image_token":        {InputImage, 1},
	"cached_input_image_token": {CachedImage, 1},
	"output_image_token":       {OutputImage, 1},
	"image":                    {Image, 1},
	"character":                {Character, 1},
	"input_second":             {AudioSecond, 1},
	"output_second":            {AudioSecond, 1},
	"audio_minute":             {AudioSecond, 60},
	"video_second":             {VideoSecond, 1},
	"voice_session_minute":     {VoiceSecond, 60},
	"training_hour":            {TrainingSecond, 3600},
	"call":                     {Call, 1},
	"web_search_call":          {Call, 1},
	"session_20min":            {Session, 1}, // twenty minutes are one session
	"container_session":        {Session, 1},
	"gb_day":                   {GBDay, 1},
}

// setUnit reads a unit of the data: a word, and attributes in brackets as in
// image[low 1024x1536], video_second[720p] or web_search_call[ctx_high].
func (r *Row) setUnit(text string) error {
	word, rest, bracketed := strings.Cut(text, "[")
	u, ok := units[word]
	if !ok {
		return fmt.Errorf("unit %q is unknown", text)
	}
	r.Meter, r.UnitSize = u.meter, u.size
	if !bracketed {
		return nil
	}
	attributes, ok := strings.CutSuffix(rest, "]")
	if !ok {
		return fmt.Errorf("unit %q lacks its closing bracket", text)
	}
	switch r.Meter {
	case Image:
		if r.Quality, r.Size, ok = strings.Cut(attributes, " "); !ok {
			return fmt.Errorf("unit %q lacks quality or size", text)
		}
	case VideoSecond:
		r.Size = attributes
	case Call:
		if r.ContextLevel, ok = strings.CutPrefix(attributes, "ctx_"); !ok {
			return fmt.Errorf("unit %q lacks a context level", text)
		}
	default:
		return fmt.Errorf("unit %q has attributes, which %s does not know", text, r.Meter)
	}
	return nil
}

// setTool turns the remark-like model of a tool's row into the tool's name and
// size: "(tool) container (code interpreter / hosted shell) 16GB" is the tool
// container of size 16g.
func (r *Row) setTool() {
	name, ok := strings.CutPrefix(r.ModelPattern, "(tool) ")
	if !ok {
		return
	}
	r.ModelPattern = name
	if word, rest, found := strings.Cut(name, " "); found && word == container {
		size := rest[strings.LastIndexByte(rest, ' ')+1:]
		r.ModelPattern, r.Size = container, strings.TrimSuffix(strings.ToLower(size), "b")
	}
}
