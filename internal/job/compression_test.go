package job

// What compresses results is made when it is first used, and then belongs to the whole process. It must not be a test with a
// clock of its own that makes it: the channels of such a test are closed to all others.
var _ = decoder()

func init() { encoder().EncodeAll([]byte("x"), nil) }
