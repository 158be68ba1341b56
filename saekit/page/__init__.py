"""The feature page: all that is known of every latent, as a static site (`saekit page`) or, for one, in a notebook.

    from saekit.page import show_feature, view
    show_feature(sae, 12)
    findings = Findings(sae, lm, tokens=200_000, chosen=[12, 40])      # of saekit.page.findings: one pass for several
    view(findings, 40)
"""

from html import escape


def show_feature(sae, i, lm=None, *, layer=0, tokens=200_000, against=None):
    """The page of latent i of an SAE, for a notebook's last line: the same view as the site's, without any network.

    lm: the language model, default python-1l; layer: of the MLP whose activations the SAE reads; tokens: of training
    files to read; against: an SAE with another seed. ValueError for a latent that the SAE does not have.
    """
    if not 0 <= i < sae.d_sae:
        raise ValueError(f"i is {i}; this SAE has latents 0 to {sae.d_sae - 1}")
    from saekit.page.findings import Findings
    from saekit.transformer import load_lm

    lm = load_lm("python-1l") if lm is None else lm
    return view(Findings(sae, lm, layer, tokens, against, chosen=[i]), i)


def view(findings, i):
    """The same for latent i of `findings.Findings` that were gathered once for several latents (`chosen`)."""
    from saekit.page.site import single_page

    against = None if findings.against is None else "the other SAE"
    html = single_page(findings, int(i), f"{findings.sae.arch} SAE of {findings.lm.name}", against)
    return FeatureView(html, summary(findings, int(i)))


class FeatureView:
    """One latent's page in a frame of its own, with a plain-text twin."""

    def __init__(self, html, text):
        self.html, self.text = html, text

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        style = "width:100%;height:720px;border:0"
        frame = f'<iframe title="{escape(self.text)}" style="{style}" srcdoc="{escape(self.html)}"></iframe>'
        return {"text/html": frame, "text/plain": self.text}


def summary(findings, latent):
    """One line: what prints where no page can be shown."""
    found, explanation = findings.fit.survey, findings.explanations.get(latent)
    reads = f"; goes with {explanation.text}" if explanation else ""
    return (f"latent {latent}: fires on {found.counts[latent]:,} of {len(found.cells):,} tokens, "
            f"at most {found.peaks[latent]:.3g}{reads}")
