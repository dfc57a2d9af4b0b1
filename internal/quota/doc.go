// Package quota reads how much may be used in an hour, a day or a month, such as `10000 calls/1d`, and says when those begin and end.
//
// It is arithmetic over limits and the calendar, in UTC. It knows neither who may use it nor what was used: package usage does.
//
// Start reading at [Parse] and [Window].
package quota
