// Optimised C++ for so many seconds: virtual calls, hash maps, sorting by a function object,
// exceptions, string building.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct shape {
	virtual ~shape() = default;
	virtual double area(int depth) const = 0;
};
struct square : shape {
	double side;
	explicit square(double s) : side(s)
	{
	}
	double area(int) const override
	{
		return side * side;
	}
};
struct group : shape {
	std::vector<std::unique_ptr<shape>> parts;
	double area(int depth) const override
	{
		double sum = 0;
		for (auto &p : parts)
			sum += p->area(depth + 1);
		if (sum < 0)
			throw std::runtime_error("negative at " + std::to_string(depth));
		return sum;
	}
};

__attribute__((noinline)) static std::unique_ptr<shape> build(int depth, unsigned &seed)
{
	if (depth == 0) {
		seed = seed * 1103515245 + 12345;
		return std::make_unique<square>(seed % 100 - (seed % 9973 == 0 ? 1e6 : 0));
	}
	auto g = std::make_unique<group>();
	for (int i = 0; i < 4; i++)
		g->parts.push_back(build(depth - 1, seed));
	return g;
}

__attribute__((noinline)) static std::size_t count(unsigned &seed)
{
	std::unordered_map<std::string, int> seen;
	std::vector<std::string> words;
	for (int i = 0; i < 500; i++) {
		seed = seed * 1103515245 + 12345;
		words.push_back("word" + std::to_string(seed % 300));
		seen[words.back()]++;
	}
	std::sort(words.begin(), words.end(), [&](const std::string &a, const std::string &b) {
		return seen[a] != seen[b] ? seen[a] < seen[b] : a < b;
	});
	char text[256];
	std::snprintf(text, sizeof text, "%s %g %zu", words[7].c_str(), seed / 3.0, seen.size());
	return words.size() + text[0];
}

int main(int, char **argv)
{
	auto end = std::chrono::steady_clock::now() +
		   std::chrono::duration<double>(std::atof(argv[1]));
	double total = 0;
	std::thread other([&] {
		unsigned seed = 7;
		std::size_t n = 0;
		while (std::chrono::steady_clock::now() < end)
			n += count(seed);
		std::printf("%zu\n", n);
	});
	unsigned seed = 1;
	while (std::chrono::steady_clock::now() < end)
		try {
			total += build(5, seed)->area(0);
		} catch (const std::runtime_error &e) {
			total += e.what()[0];
		}
	other.join();
	std::printf("%g\n", total);
}
