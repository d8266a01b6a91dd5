async (file) => {
  if (!file) return;
  const [name, uri] = file.split("|", 2), link = document.createElement("a");
  link.href = URL.createObjectURL(await (await fetch(uri)).blob());
  link.download = name; link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
