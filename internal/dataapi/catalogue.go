package dataapi

import "slices"

// catalogue is the one table of errors: HTTP answers, job documents and the documentation are made from it.
// It is ordered by status, then by meaning.
var catalogue = []Definition{
	{CodeInvalidRequest, 400, "Invalid request", "The request cannot be read. Send one JSON object with the documented fields."},
	{CodeUnauthenticated, 401, "Not authenticated", "The credentials are missing or invalid. Exchange your API key for a token and send it as a bearer token."},
	{CodeForbidden, 403, "Forbidden", "Your user lacks the permission that this operation needs."},
	{CodeNotFound, 404, "Not found", "There is nothing at this path."},
	{CodeEndpointNotFound, 404, "Endpoint not found", "The endpoint does not exist, is inactive, or belongs to another company."},
	{CodeRevisionNotFound, 404, "Revision not found", "The endpoint does not have this revision, or does not keep it any more."},
	{CodeJobNotFound, 404, "Job not found", "The job does not exist, has expired, or belongs to another company."},
	{CodeMethodNotAllowed, 405, "Method not allowed", "This path does not answer this method. The Allow header lists the methods it answers."},
	{CodeNotAcceptable, 406, "Not acceptable", "None of the formats in the Accept header can be produced."},
	{CodeExecutionTimeout, 408, "Execution timed out", "The query exceeded its time limit. Narrow the parameters, or use an endpoint in async mode."},
	{CodeIdempotencyConflict, 409, "Idempotency conflict", "A request with this Idempotency-Key is still in progress."},
	{CodeJobNotCompleted, 409, "Job not completed", "The job has no result: it is processing still, or it failed, or it was cancelled."},
	{CodeConflict, 409, "Conflict", "The request conflicts with the current state."},
	{CodeLinkEnded, 410, "Link ended", "The link is genuine, but has ended. Ask the person who gave it to you for another one."},
	{CodePreconditionFailed, 412, "Precondition failed", "The result is not the one that If-Match or If-Unmodified-Since names."},
	{CodeRequestTooLarge, 413, "Request too large", "The request body is larger than this server accepts."},
	{CodeUnsupportedMediaType, 415, "Unsupported media type", "Send the body as application/json, without Content-Encoding."},
	{CodeRangeNotSatisfiable, 416, "Range not satisfiable", "The range lies outside the result. The Content-Range header has its length."},
	{CodeInvalidEndpoint, 422, "Invalid endpoint", "The text of the endpoint has faults. The faults field lists each of them with its place."},
	{CodeInvalidParameter, 422, "Invalid parameter", "One or more parameters are invalid. The errors field lists each of them."},
	{CodeParameterNotAllowed, 422, "Parameter value not allowed", "One or more parameter values lie outside what is shared with you. The errors field lists each of them."},
	{CodeValueRefused, 422, "Value refused", "The query cannot work with a value of this request, although it is of the right type: it may be out of range, or not one of the allowed values. Change the value."},
	{CodeIdempotencyKeyReused, 422, "Idempotency key reused", "This Idempotency-Key was used for another request: with other parameters, another callback or another revision."},
	{CodeRateLimited, 429, "Too many requests", "Too many requests. Wait as long as the Retry-After header says."},
	{CodeQuotaExceeded, 429, "Quota exceeded", "A quota is used up: of calls or rows in an hour, a day or a month, or of the room for jobs and their results. The Retry-After header says when to come back."},
	{CodeAttemptsExhausted, 500, "Attempts exhausted", "The job was tried as often as the server tries a job, and did not end. Start it again later."},
	{CodeInternal, 500, "Internal error", "The server failed. Its operator can find the cause in the log, by the request id or the job id."},
	{CodeOverloaded, 503, "Overloaded", "The server is at its limit. Wait as long as the Retry-After header says."},
	{CodeSourceUnavailable, 503, "Source unavailable", "The database behind this endpoint cannot be reached right now. Wait as long as the Retry-After header says."},
	{CodeExecutionInterrupted, 503, "Execution interrupted", "The database ended the query before it was done. The request is right: send it again after the time in the Retry-After header."},
	{CodeHTTPVersion, 505, "HTTP version not supported", "This cannot be answered in the version of HTTP that was used. Use HTTP/1.1 or later."},
}

var byCode = func() map[Code]Definition {
	index := make(map[Code]Definition, len(catalogue))
	for _, definition := range catalogue {
		index[definition.Code] = definition
	}
	return index
}()

// URN is the problem type (RFC 9457, 3.1.1) of a code. It is a name, not an address.
func (c Code) URN() string { return "urn:caddy-data-api:error:" + string(c) }

// Catalogue returns every error that a caller can meet, ordered by status. The slice is the caller's own.
func Catalogue() []Definition { return slices.Clone(catalogue) }

// Definition returns the catalogue's row for this code, or CodeInternal's for a code that the catalogue lacks.
func (c Code) Definition() Definition {
	if definition, ok := byCode[c]; ok {
		return definition
	}
	return byCode[CodeInternal]
}
