// Package web holds the built console, which is the documentation page too: one application with two faces.
//
// Its source is TypeScript in src; `make web` builds dist, which is committed, since xcaddy runs no npm. The package only embeds
// the files: it knows neither HTTP nor who asks. Package console serves them, and fills in the placeholders of the document.
//
// Start reading at [Dist]; the application begins in src/main.tsx and src/app.tsx.
package web
