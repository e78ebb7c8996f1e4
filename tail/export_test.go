package tail

// What behaviour turns on, for tests.
const (
	PageSize  = pageSize
	PollEvery = pollEvery
)
