"""Saving something of the page as a file of the visitor's: scripts for an event's `js`."""

# Takes "NAME|DATA URI".
SAVE_AS_FILE = """async (text) => { if (!text) return; const [name, uri] = text.split("|", 2);
  const link = document.createElement("a"); link.href = URL.createObjectURL(await (await fetch(uri)).blob());
  link.download = name; link.click(); URL.revokeObjectURL(link.href); }"""
