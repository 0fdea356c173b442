"""Mathematics that papers share: transforms, laws, quadratures; no paper is known here."""
