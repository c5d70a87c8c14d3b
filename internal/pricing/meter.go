package pricing

import "slices"

// Meter is what a price row is for.
type Meter string

// The meters. Token meters count tokens; the others say their unit.
const (
	Input       Meter = "input" // text, and images of models without image rows
	CachedInput Meter = "cached_input"
	CacheWrite  Meter = "cache_write"
	Output      Meter = "output"
	InputAudio  Meter = "input_audio"
	CachedAudio Meter = "cached_audio"
	OutputAudio Meter = "output_audio"
	InputImage  Meter = "input_image"
	CachedImage Meter = "cached_image"
	OutputImage Meter = "output_image"

	Image          Meter = "image"           // pictures, by quality and size
	Character      Meter = "character"       // of speech input
	AudioSecond    Meter = "audio_second"    // of audio heard or spoken
	VideoSecond    Meter = "video_second"    // of video, by size: 720p
	VoiceSecond    Meter = "voice_second"    // of a voice session held open
	TrainingSecond Meter = "training_second" // of fine-tuning
	Call           Meter = "call"            // of a tool; on a model's row, a web search by context level
	Session        Meter = "session"         // of a container, by size: 1g
	GBDay          Meter = "gb_day"          // gibibytes held for a day
)

// meters lists every meter, for validation.
var meters = []Meter{
	Input, CachedInput, CacheWrite, Output,
	InputAudio, CachedAudio, OutputAudio, InputImage, CachedImage, OutputImage,
	Image, Character, AudioSecond, VideoSecond, VoiceSecond, TrainingSecond, Call, Session, GBDay,
}

// Known reports whether m is one of the meters.
func (m Meter) Known() bool { return slices.Contains(meters, m) }

// Modality is "audio" or "image" for the token meters of a modality of their
// own, and "text" for all else.
func (m Meter) Modality() string {
	switch m {
	case InputAudio, CachedAudio, OutputAudio:
		return "audio"
	case InputImage, CachedImage, OutputImage:
		return "image"
	default:
		return "text"
	}
}

// ofTools reports whether m meters tools and storage rather than a model.
func (m Meter) ofTools() bool {
	return m == Call || m == Session || m == GBDay || m == TrainingSecond
}

// standIns returns the meters whose rows price m, best first; see the package
// comment. Cached images of a model with image rows stand in for images first:
// the cached text price was never theirs.
func (m Meter) standIns() []Meter { return standIns[m] }

var standIns = map[Meter][]Meter{
	Input:       {Input},
	CachedInput: {CachedInput, Input},
	CacheWrite:  {CacheWrite, Input},
	Output:      {Output},
	InputAudio:  {InputAudio},
	CachedAudio: {CachedAudio, InputAudio},
	OutputAudio: {OutputAudio},
	InputImage:  {InputImage, Input},
	CachedImage: {CachedImage, InputImage, CachedInput, Input},
	OutputImage: {OutputImage},
}
