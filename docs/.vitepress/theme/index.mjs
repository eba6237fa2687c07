// The default theme, with room for wide lines.
import DefaultTheme from "vitepress/theme";
import "./room.css";

export default DefaultTheme;
