package emit

// This file has the colours of a style: the index of a palette or red, green and blue; 0 is the terminal's own.

func paletteColor(n int) uint32   { return 1<<24 | uint32(n) }
func rgbColor(r, g, b int) uint32 { return 2<<24 | uint32(r)<<16 | uint32(g)<<8 | uint32(b) }

// shade returns a colour as red, green and blue if every terminal shows it alike: the palette's cube and greys, and black and white.
func shade(color uint32) uint32 {
	if color>>24 != 1 {
		return color
	}
	cube := func(n int) int { return min(n, 1)*55 + n*40 } // 0, 95, 135, …
	switch n := int(color & 0xffffff); {
	case n == 0:
		return rgbColor(0, 0, 0)
	case n == 15:
		return rgbColor(255, 255, 255)
	case n < 16:
		return color
	case n < 232:
		return rgbColor(cube((n-16)/36), cube((n-16)/6%6), cube((n-16)%6))
	default:
		grey := 8 + 10*(n-232)
		return rgbColor(grey, grey, grey)
	}
}

// parameter returns the number of a parameter, which is 0 if it is left out; -1: it is too large.
func parameter(digits []byte) int {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' || n > 255 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// extendedColor reads a colour of the palette of 256 or of red, green and blue, in either form: 38;5;N, or 38:5:N in the first n bytes.
// It returns how many bytes belong to the colour. In the first form, if it is not ok, all that follows may belong to it.
func extendedColor(params []byte, n int, colon bool) (color uint32, length int, ok bool) {
	sep := byte(';')
	if colon {
		sep, params = ':', params[:n]
	}
	var v [5]int
	count, ends := 0, [5]int{}
	for at := fieldLength(params, sep) + 1; at <= len(params) && count < len(v); count++ {
		end := at + fieldLength(params[at:], sep)
		if v[count] = parameter(params[at:end]); end == at {
			v[count] = -1
		}
		ends[count] = end
		at = end + 1
	}
	if colon && count == 5 && v[0] == 2 && ends[4] == len(params) { // with a colour space, which may be left out
		v[1], v[2], v[3], ends[3], count = v[2], v[3], v[4], ends[4], 4
	}
	valid := func(n int) bool {
		for _, x := range v[:n] {
			if x < 0 || x > 255 {
				return false
			}
		}
		return !colon || ends[n-1] == len(params)
	}
	switch {
	case count >= 2 && v[0] == 5 && valid(2):
		return paletteColor(v[1]), ends[1], true
	case count >= 4 && v[0] == 2 && valid(4):
		return rgbColor(v[1], v[2], v[3]), ends[3], true
	}
	return 0, len(params), false
}
