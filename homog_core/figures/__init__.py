"""Values → Plotly figures, and HTML of answers. Nothing is computed but places on the screen; there are no sentences.

Models are colours, clusters are shapes and numbers; nothing is told by colour alone. What comes from a model or a file
is untrusted, and Plotly renders a subset of HTML: every text is escaped. No figure carries a selection; ids are in
`customdata`.
"""
