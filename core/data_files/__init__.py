"""Reading the files data sets come in: `.npz`, idx, pictures in folders and zip files, and finding where they lie."""
