package openaiwire

import (
	"bytes"
	"strconv"
	"strings"

	"weir/internal/usage"
)

// Estimates are arithmetic on byte counts: a tokenizer in the path would cost
// more than everything else weir does to a request.
const (
	// bytesPerToken is how many bytes of English text or code one token covers
	// on average, by OpenAI's own rule of thumb. Other scripts have more bytes
	// to a character and about as many to a token.
	bytesPerToken = 4
	// tokensPerMessage covers the role and the separators the provider wraps
	// around a message. OpenAI's cookbook counts 3 or 4, and 3 more for the
	// reply's start.
	tokensPerMessage = 8
	// tokensPerRequest covers what a provider adds once, such as the date.
	tokensPerRequest = 64
)

// EstimateInput is a likely number of input tokens for a request body, for a
// request that ended before the provider reported any. The body's JSON around
// the text is counted as text, which makes up for what wraps each message.
func EstimateInput(bodyBytes int64) int64 { return (bodyBytes + bytesPerToken - 1) / bytesPerToken }

// EstimateOutput is a likely number of output tokens for so many bytes of
// answered text.
func EstimateOutput(textBytes int64) int64 { return (textBytes + bytesPerToken - 1) / bytesPerToken }

// Sound, where a provider reports nothing of it.
const (
	// soundBytesPerSecond is MP3 at 128 kbit/s, a usual upload: denser formats are
	// estimated too short, and uncompressed ones too long.
	soundBytesPerSecond = 16_000
	// audioTokensPerSecond is what OpenAI's transcription models take, one token to
	// a tenth of a second.
	audioTokensPerSecond = 10
	// speechTokensPerFiveCharacters: spoken text has about 15 characters to a
	// second, of which gpt-4o-mini-tts makes 20.8 tokens (0.015 dollars a minute at
	// 12 dollars a million, OpenAI's pricing page).
	speechTokensPerFiveCharacters = 7
)

// EstimateSoundMillis is the likely length of an uploaded recording, in
// milliseconds.
func EstimateSoundMillis(fileBytes int64) int64 { return fileBytes * 1000 / soundBytesPerSecond }

// EstimateTranscription is what transcribing sound of a length into so many bytes
// of text likely consumes, by the second and by tokens.
func EstimateTranscription(millis, textBytes int64) usage.Quantities {
	return usage.Quantities{Millis: millis, InputAudio: millis * audioTokensPerSecond / 1000, OutputText: EstimateOutput(textBytes)}
}

// EstimateSpeech is what speaking so many characters likely consumes, by the
// character and by tokens.
func EstimateSpeech(characters int64) usage.Quantities {
	return usage.Quantities{
		Characters: characters, InputText: EstimateInput(characters), OutputAudio: characters * speechTokensPerFiveCharacters / 5,
	}
}

// SubtitleMillis is where the last subtitle of an SRT or VTT answer ends, in
// milliseconds: the length of what was said. 0 where there is none.
func SubtitleMillis(body []byte) int64 {
	at := bytes.LastIndex(body, []byte("-->"))
	if at < 0 {
		return 0
	}
	end, _, _ := bytes.Cut(bytes.TrimLeft(body[at+len("-->"):], " "), []byte("\n"))
	clock, _, _ := strings.Cut(strings.TrimSpace(string(end)), " ") // VTT may place the cue
	clock, fraction, ok := strings.Cut(strings.Replace(clock, ",", ".", 1), ".")
	if !ok || len(fraction) != 3 {
		return 0
	}
	var seconds int64
	for part := range strings.SplitSeq(clock, ":") {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || n < 0 {
			return 0
		}
		seconds = seconds*60 + n
	}
	millis, err := strconv.ParseInt(fraction, 10, 32)
	if err != nil || seconds > maxCount/1000 {
		return 0
	}
	return seconds*1000 + millis
}
