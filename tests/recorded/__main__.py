"""Write the recorded files anew."""

from tests.recorded import FILE, record

FILE.write_text(record())
