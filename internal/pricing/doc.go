// Package pricing is the dated price book: it turns what a request consumed
// into lines of money, named as the provider's bill names them.
//
// # Which row prices a meter
//
// Among the rows of the meter that match the request's model and provider, whose
// dates hold at the time of the event, whose attributes (size, quality, search
// context) fit and whose context band is reached, the first by this order wins:
//
//  1. book: contract, then custom, then list. A book that states any price for
//     the meter answers alone, so a flat contract price has no list surcharge
//     for long context;
//  2. rows of the model (exact or family) before those of a regular expression;
//  3. the highest context band reached by the request's input total;
//  4. the row with more fitting attributes, a quality in the request's own word
//     before a synonym;
//  5. the request's tier, before the standard tier it can be derived from;
//  6. exact before family. A snapshot takes from its family only what no row of
//     its own states;
//  7. a row for the provider before one for any provider;
//  8. the latest effective date not after the event. An undated row holds from
//     the beginning;
//  9. the latest source date, and then the remaining fields, so that the order
//     of rows never matters.
//
// A price taken from the standard tier is multiplied by ½ for batch and flex and
// by 2 for priority and flagged Derived; the band stands before the tier, so a
// long batch request costs half of the long-context price.
//
// # Meters without a row
//
// Cached tokens without a row cost what uncached ones cost, because a provider
// that states no discount gives none; so do tokens written to the cache. Images
// read by a model without image rows are text to the bill: the provider counts
// them in the text tokens, and so does the line. Audio is different: every model
// known to take audio prices it at many times its text, so audio without a row
// has no price. What has no price makes the request unpriced: Cost is nil, never
// a partial sum and never 0. A row that says 0 is a price of 0.
package pricing
