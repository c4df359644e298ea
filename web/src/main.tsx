document.getElementById('boot')!.textContent = '';
