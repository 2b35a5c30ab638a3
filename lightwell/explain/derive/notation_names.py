"""The names of quantities: which are Greek letters, which have a subscript, and how a gradient is called."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ",
    "lambda": "λ", "lambd": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip

# LaTeX's commands for the letters and signs that formulas use.
COMMANDS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta",
    "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau",
    "φ": r"\varphi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda",
    "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "∂": r"\partial", "∞": r"\infty", "ℓ": r"\ell",
}  # fmt: skip


def parts(name: str) -> tuple[str, str]:
    """(letter or word, subscript) of a name: ("x", "1") of x1 and x_1, ("w", "ih") of w_ih; no subscript for a dotted path."""
    if "." in name or "[" in name:
        return name, ""
    head, _, tail = name.partition("_")
    if tail.isdigit() and head[:1].isalpha() and head[1:].isdigit():  # v3_2, the second result of step 3
        return head[0], f"{head[1:]},{tail}"
    if not tail:
        head = name.rstrip("0123456789")
        tail = name[len(head) :]
    if not head:
        return name, ""
    return GREEK.get(head, head), tail


def gradient_text(of: str) -> str:
    """What the gradient of the quantity `of` is called in plain text: gx, and g[fc1.weight] where the name is long."""
    return f"g{of}" if (len(of) < 6 and "." not in of) or ("[" in of and "." not in of) else f"g[{of}]"
