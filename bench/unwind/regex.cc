// For the compiler, not to be run: many instances of heavy templates.
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct traits : std::regex_traits<char> {
};
template <int N> struct nest {
	using type =
		std::map<typename nest<N - 1>::type,
			 std::vector<std::variant<int, std::string, typename nest<N - 1>::type>>>;
};
template <> struct nest<0> {
	using type = std::string;
};
template <int N> int match(const char *text)
{
	std::basic_regex<char, traits<N>> re("(a|b)*c+[d-f]{2,4}x?(foo|bar|baz)+");
	std::match_results<const char *> m;
	std::unordered_map<int, std::function<int(int)>> f;
	f[N] = [&](int x) { return x + (int)m.size(); };
	return std::regex_search(text, m, re) + f[N](N);
}
template <int... N> int all(const char *text, std::integer_sequence<int, N...>)
{
	return (match<N>(text) + ...);
}
int main(int, char **argv)
{
	nest<5>::type v;
	return all(argv[0], std::make_integer_sequence<int, 12>()) + (int)v.size();
}
