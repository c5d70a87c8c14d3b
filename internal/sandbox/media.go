package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// picture is what every image looks like: one pixel of PNG, in base64.
const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// pictureOutput is how many tokens a square picture takes by quality, as OpenAI
// states them for 1024x1024.
var pictureOutput = map[string]int64{"low": 272, "medium": 1056, "high": 4160}

// images is POST /v1/images/generations.
func (x *exchange) images() error {
	if err := x.begin("img_", modeImage); err != nil {
		return err
	}
	prompt := gjson.GetBytes(x.body, "prompt")
	if !prompt.Exists() {
		return fault.MissingParam("prompt")
	}
	size, quality := x.head.Size, x.head.Quality
	if size == "" || size == "auto" {
		size = "1024x1024"
	}
	each, known := pictureOutput[quality]
	if !known {
		quality, each = "medium", pictureOutput["medium"]
	}
	n := int(min(x.head.N, 10))
	usage := ""
	if x.model.name != "dall-e-3" {
		x.used.input, x.used.output = tokensOf(prompt), int64(n)*each
		if !x.how.noUsage {
			usage = fmt.Sprintf(`,"usage":{"input_tokens":%d,"input_tokens_details":{"text_tokens":%d,"image_tokens":0},"output_tokens":%d,`+
				`"output_tokens_details":{"text_tokens":0,"image_tokens":%d},"total_tokens":%d}`,
				x.used.input, x.used.input, x.used.output, x.used.output, x.used.input+x.used.output)
		}
	}
	made := fmt.Sprintf(`"background":"opaque","output_format":"png","quality":%q,"size":%s%s`, quality, gjson.AppendJSONString(nil, size), usage)
	if x.head.Stream {
		s, err := x.startStream()
		if err != nil {
			return err
		}
		const name = "image_generation."
		err = s.chunk(fmt.Appendf(nil, "event: "+name+"partial_image\ndata: {\"type\":\""+name+"partial_image\",\"partial_image_index\":0,\"b64_json\":%q,\"created_at\":%d}\n\n", picture, x.began.Unix()))
		if err != nil {
			return err
		}
		return s.last(fmt.Appendf(nil, "event: "+name+"completed\ndata: {\"type\":\""+name+"completed\",\"b64_json\":%q,\"created_at\":%d,%s}\n\n", picture, x.began.Unix(), made))
	}
	data := strings.Repeat(`,{"b64_json":"`+picture+`"}`, n)[1:]
	return x.sendJSON(fmt.Appendf(nil, `{"created":%d,"data":[%s],%s}`, x.began.Unix(), data, made))
}

// bytesPerSecond is how much of an upload is taken for a second of sound: MP3
// at 128 kbit/s.
const bytesPerSecond = 16_000

// transcriptions is POST /v1/audio/transcriptions and translations. The text is
// made up; the duration follows from the size of the file.
func (x *exchange) transcriptions() error {
	if err := x.begin("tr_", modeTranscribe); err != nil {
		return err
	}
	if x.head.FileBytes == 0 {
		return fault.MissingParam("file")
	}
	seconds := (x.head.FileBytes + bytesPerSecond - 1) / bytesPerSecond
	a := x.compose()
	usage := ""
	switch {
	case x.model.name == "whisper-1":
		x.used = counts{}
		usage = fmt.Sprintf(`,"usage":{"type":"duration","seconds":%d}`, seconds)
	default:
		x.used.input = 10 * seconds // a tenth of a second to a token
		usage = fmt.Sprintf(`,"usage":{"type":"tokens","input_tokens":%d,"input_token_details":{"text_tokens":0,"audio_tokens":%d},"output_tokens":%d,"total_tokens":%d}`,
			x.used.input, x.used.input, x.used.output, x.used.input+x.used.output)
	}
	if x.how.noUsage {
		usage = ""
	}
	text := string(a.appendText(nil, 0))
	if !x.head.Stream {
		return x.sendJSON([]byte(`{"text":"` + text + `"` + usage + `}`))
	}
	s, err := x.startStream()
	if err != nil {
		return err
	}
	for n := range a.tokens {
		if err := s.chunk(fmt.Appendf(nil, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"%s\"}\n\n", a.appendToken(nil, 0, n))); err != nil {
			return err
		}
	}
	return s.last([]byte(`data: {"type":"transcript.text.done","text":"` + text + `"` + usage + "}\n\n"))
}

// speech is POST /v1/audio/speech: a tenth of a second of silence.
func (x *exchange) speech() error {
	if err := x.begin("sp_", modeSpeech); err != nil {
		return err
	}
	in := gjson.GetManyBytes(x.body, "input", "stream_format")
	if in[0].Str == "" {
		return fault.MissingParam("input")
	}
	if x.model.name != "tts-1" {
		x.used.input, x.used.output = tokensOf(in[0]), 5*tokensOf(in[0])
	}
	if in[1].Str != "sse" {
		return x.send("audio/wav", silence())
	}
	s, err := x.startStream()
	if err != nil {
		return err
	}
	if err := s.chunk([]byte(`data: {"type":"speech.audio.delta","audio":"` + base64.StdEncoding.EncodeToString(silence()) + "\"}\n\n")); err != nil {
		return err
	}
	usage := ""
	if !x.how.noUsage {
		usage = fmt.Sprintf(`,"usage":{"input_tokens":%d,"output_tokens":%d,"total_tokens":%d}`, x.used.input, x.used.output, x.used.input+x.used.output)
	}
	return s.last([]byte(`data: {"type":"speech.audio.done"` + usage + "}\n\n"))
}

// silence is a WAV file of a tenth of a second, 8 kHz, 8 bits, mono.
func silence() []byte {
	const samples, rate = 800, 8000
	wav := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, 36+samples)...)
	wav = append(wav, "WAVEfmt "...)
	wav = binary.LittleEndian.AppendUint32(wav, 16)   // size of the format
	wav = binary.LittleEndian.AppendUint16(wav, 1)    // PCM
	wav = binary.LittleEndian.AppendUint16(wav, 1)    // channel
	wav = binary.LittleEndian.AppendUint32(wav, rate) // samples a second
	wav = binary.LittleEndian.AppendUint32(wav, rate) // bytes a second
	wav = binary.LittleEndian.AppendUint16(wav, 1)    // bytes to a sample
	wav = binary.LittleEndian.AppendUint16(wav, 8)    // bits to a sample
	wav = binary.LittleEndian.AppendUint32(append(wav, "data"...), samples)
	for range samples {
		wav = append(wav, 0x80)
	}
	return wav
}
