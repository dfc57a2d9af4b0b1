// Package link knows presigned links: URLs that run one endpoint as the user who made them, without a header. A link is bound to
// its endpoint, its format and its parameters by a MAC that is in the URL; what else is to be known of it, such as until when
// it works, is stored. Both are needed: anyone who has the store alone cannot make a URL, and a URL opens nothing that the
// store does not know any more.
//
// It knows neither HTTP nor who may do what: [Links.Open] says who has made a link, and others whether that user may still ask.
//
// Start reading at [Link], then [Links].
package link
