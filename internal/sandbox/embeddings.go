package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// maxInputs is how many texts one embeddings or moderations request may hold.
const maxInputs = 2048

// embeddings is POST /v1/embeddings.
func (x *exchange) embeddings() error {
	if err := x.begin("emb_", modeEmbedding); err != nil {
		return err
	}
	in := gjson.GetManyBytes(x.body, "input", "dimensions", "encoding_format")
	inputs, err := inputsOf(in[0])
	if err != nil {
		return err
	}
	size := x.model.vector
	if in[1].Exists() && in[1].Type != gjson.Null {
		if n := in[1].Int(); n < 1 || n > int64(size) {
			return fault.Invalidf("", "dimensions", "Invalid value for 'dimensions': expected 1 to %d.", size)
		}
		size = int(in[1].Int())
	}
	body := []byte(`{"object":"list","data":[`)
	vector := make([]float32, size)
	for i, input := range inputs {
		x.used.input += tokensOf(input)
		fill(vector, mix(x.p.opts.Seed)^hash(input.Raw))
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"object":"embedding","index":`...)
		body = strconv.AppendInt(body, int64(i), 10)
		body = append(body, `,"embedding":`...)
		body = append(appendVector(body, vector, in[2].Str == "base64"), '}')
	}
	body = append(append(append(body, `],"model":"`...), x.model.resolved...), '"')
	if !x.how.noUsage {
		tokens := strconv.FormatInt(x.used.input, 10)
		body = append(body, `,"usage":{"prompt_tokens":`+tokens+`,"total_tokens":`+tokens+`}`...)
	}
	return x.sendJSON(append(body, '}'))
}

// inputsOf splits an input: one text, a list of texts, one token array, a list
// of those, or multi-modal parts.
func inputsOf(input gjson.Result) ([]gjson.Result, error) {
	var inputs []gjson.Result
	switch {
	case input.IsArray():
		inputs = input.Array()
		if len(inputs) > 0 && inputs[0].Type == gjson.Number {
			inputs = []gjson.Result{input}
		}
	case input.Type == gjson.String:
		inputs = []gjson.Result{input}
	}
	switch {
	case len(inputs) == 0:
		return nil, fault.MissingParam("input")
	case len(inputs) > maxInputs:
		return nil, fault.ArrayTooLong("input", maxInputs, len(inputs))
	}
	return inputs, nil
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// fill makes up a vector of length one: the same for the same text.
func fill(vector []float32, seed uint64) {
	var sum float64
	for i := range vector {
		v := float32(int32(mix(seed+uint64(i))>>32)) / (1 << 31)
		vector[i] = v
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(max(sum, 1e-9)))
	for i := range vector {
		vector[i] *= scale
	}
}

// appendVector appends a vector as a JSON array, or as little-endian float32 in
// base64.
func appendVector(dst []byte, vector []float32, inBase64 bool) []byte {
	if inBase64 {
		raw := make([]byte, 0, 4*len(vector))
		for _, v := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), raw), '"')
	}
	dst = append(dst, '[')
	for i, v := range vector {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, float64(v), 'f', 8, 32)
	}
	return append(dst, ']')
}
